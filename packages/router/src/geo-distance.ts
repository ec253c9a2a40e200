// How far apart two places are. Everything is told in milliseconds of a round trip, so that what is measured by network
// coordinates and what is only known from a map can be compared.
import type { GeoPoint } from '@headwater/cluster';

const earthRadiusKm = 6_371;
// Light in glass: 200 km in a millisecond, there and back.
const kmPerRoundTripMs = 100;

/** The length of the great circle between two points. */
export function greatCircleKm(a: GeoPoint, b: GeoPoint): number {
  const [latitudeA, latitudeB] = [radians(a.latitude), radians(b.latitude)];
  const halfLatitude = Math.sin((latitudeB - latitudeA) / 2);
  const halfLongitude = Math.sin(radians(b.longitude - a.longitude) / 2);
  const haversine =
    halfLatitude * halfLatitude + Math.cos(latitudeA) * Math.cos(latitudeB) * halfLongitude * halfLongitude;
  return 2 * earthRadiusKm * Math.asin(Math.min(1, Math.sqrt(haversine)));
}

/** The shortest round trip that there can be between two points. */
export function leastRoundTripMs(a: GeoPoint, b: GeoPoint): number {
  return greatCircleKm(a, b) / kmPerRoundTripMs;
}

function radians(degrees: number): number {
  return (degrees * Math.PI) / 180;
}
