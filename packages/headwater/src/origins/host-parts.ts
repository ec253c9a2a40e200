// A node that is made of several origins: its process has the ports for publishers and operators, and its origins do the rest.
// To the cluster it is these; it does not register itself.
import type { NodeContext, NodeParts } from '../node-context.ts';
import { handoverService } from '../roles/port-services.ts';
import type { Service } from '../service.ts';
import { HostView } from './host-view.ts';
import { checkRoomForOrigins } from './origin-config.ts';
import { OriginCrew, type OriginProcess } from './origin-crew.ts';

/** Makes the parts. Throws `ConfigError` when the configuration has no room for so many origins. */
export function hostParts(context: NodeContext, size: number): NodeParts {
  checkRoomForOrigins(context.config, size);
  const crew: OriginCrew = new OriginCrew(context, size, {
    lost: (origin) => {
      view.retire(origin);
    },
  });
  const view = new HostView<OriginProcess>({ origins: crew, clock: context.clock, metrics: context.metrics });
  const port = handoverService(context, crew, 'rtmp');
  const origins: Service = {
    name: 'origins',
    start: async () => crew.start(),
    stop: async (deadlineMs) => {
      view.close();
      if (!(await crew.stop(deadlineMs))) {
        throw new Error('an origin did not end well; the line before this one says how');
      }
    },
  };
  // The port comes first, as its address is the origins' to announce; it goes first, too, so that nobody comes any more.
  const noNewcomers: Service = {
    name: 'newcomers',
    start: async () => Promise.resolve(),
    stop: async (deadlineMs) => port.stop(deadlineMs),
  };
  return {
    services: [port, origins, noNewcomers],
    view,
    drain: async (deadlineMs) => crew.drain(deadlineMs),
  };
}
