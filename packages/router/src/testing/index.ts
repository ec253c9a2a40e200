export { mmdb, type MmdbValue } from './mmdb.ts';
