export { GeoDatabase, type GeoDatabaseOptions } from './geo-database.ts';
export { ViewerLocator, type ViewerLocatorOptions } from './viewer-locator.ts';
export { parseRouteTarget, streamOf, type RouteTarget } from './route-target.ts';
export { Router, type Client, type RouterOptions } from './router.ts';
export type { ViewerProtocol } from './edge-url.ts';
