/** Where the demo publishes unless told otherwise: the defaults of the configuration. */
export const defaultDemoUrl = 'rtmp://127.0.0.1:1935/live/demo';
