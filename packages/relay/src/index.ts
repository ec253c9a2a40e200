export * from './pull.ts';
export * from './pull-handler.ts';
export * from './pull-item.ts';
export * from './relay-client.ts';
export * from './relay-format.ts';
export * from './relay-server.ts';
export * from './relay-source.ts';
export * from './relay-keepalive.ts';
