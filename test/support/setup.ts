import { afterAll } from 'vitest';
import { runDeferred } from './cleanup.ts';

afterAll(runDeferred);
