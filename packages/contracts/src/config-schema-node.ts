// The keys of the configuration that say who a node is, where it stands, and how it ends.
import * as z from 'zod';
import { duration, noted, optionalText, section, text } from './config-values.ts';

const word = /^[A-Za-z0-9_.-]{1,128}$/;
const wordText = '1 to 128 of A-Z a-z 0-9 _ . -';
const coordinatesPattern = /^-?\d{1,2}(\.\d{1,9})?, ?-?\d{1,3}(\.\d{1,9})?$/;
const areDegrees = (text: string): boolean => {
  const [latitude = NaN, longitude = NaN] = text.split(',').map(Number);
  return Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180;
};

/** This node. */
export const node = section('This node.', {
  id: optionalText(word, 'Name of the node, unique in the cluster. Left out: the host name.', wordText),
  address: optionalText(
    /^[A-Za-z0-9_.:-]{1,253}$/,
    'Host name or address under which other nodes reach this one. Left out: the first address of the machine.',
    'a host name or an IP address',
  ),
  zone: text(word, 'default', 'Failure zone the node runs in.', wordText),
  region: text(word, 'default', 'Region the node runs in; a region has one or more zones.', wordText),
  coordinates: noted(
    z
      .string()
      .regex(coordinatesPattern)
      .refine(areDegrees)
      .optional()
      .describe(
        'Where the node stands, latitude and longitude in degrees, e.g. `52.52,13.40`. By it routers tell which zones are near.',
      ),
    { kind: 'text', expected: 'LATITUDE,LONGITUDE in degrees, such as 52.52,13.40' },
  ),
  drainDeadline: duration(
    '0s',
    { min: '0s', max: '1h' },
    'How long a stop waits for publishers and viewers to go elsewhere first. Only useful where there are other nodes.',
  ),
  stopDeadline: duration(
    '10s',
    { min: '0s', max: '10m' },
    'How long a clean stop may take before connections are cut.',
  ),
});
