// The configuration of one origin of a node that is made of several: the node's, under an id and with a relay port of its own.
import { isIPv6 } from 'node:net';
import { ConfigError, type Config, type ConfigProblem } from '@headwater/contracts';

const maxIdChars = 128;
const lastPort = 65_535;

/** The id of an origin; places are counted from 1. The one that replaces it has the same. */
export function originIdOf(nodeId: string, place: number): string {
  return `${nodeId}-${place}`;
}

/** Cuts it to measure. The first origin has the relay port that is configured, the next ones those behind it. */
export function originConfigOf(config: Config, place: number): Config {
  const { node, relay, log } = config;
  const further = place - 1;
  // The node's process knows where its log goes; what comes from the origins passes through it.
  const format = log.format === 'auto' && process.stdout.isTTY ? 'pretty' : log.format;
  return {
    ...config,
    node: { ...node, id: originIdOf(node.id, place) },
    workers: 1,
    relay: {
      ...relay,
      port: relay.port === 0 ? 0 : relay.port + further,
      advertise: shifted(relay.advertise, further),
    },
    log: { ...log, format },
  };
}

/** Throws `ConfigError` when so many origins do not fit: their ids, or their relay ports. */
export function checkRoomForOrigins(config: Config, size: number): void {
  const { node, relay } = config;
  const problems: ConfigProblem[] = [];
  if (originIdOf(node.id, size).length > maxIdChars) {
    const expected = `at most ${maxIdChars - originIdOf('', size).length} characters, as its origins are called ${node.id.slice(0, 16)}…-1 to -${size}`;
    problems.push({ key: 'node.id', expected });
  }
  const last = relay.port + size - 1;
  const value = String(relay.port);
  const its = `as ${size} origins listen on this port and those behind it`;
  if (relay.port !== 0 && last > lastPort) {
    problems.push({ key: 'relay.port', value, expected: `at most ${lastPort - size + 1}, ${its}` });
  }
  const { advertise } = relay;
  const lastAdvertised = Number(/:(\d+)$/.exec(shifted(advertise, size - 1) ?? '')?.[1] ?? 0);
  if (advertise !== undefined && !isIPv6(advertise) && lastAdvertised > lastPort) {
    const expected = `a port of at most ${lastPort - size + 1}, as ${size} origins advertise this port and those behind it`;
    problems.push({ key: 'relay.advertise', value: advertise, expected });
  }
  for (const name of ['rtmp', 'admin'] as const) {
    const { port, host } = config[name];
    const isWithin = relay.port !== 0 && port > relay.port && port <= last && host === relay.host;
    if (isWithin) {
      problems.push({
        key: 'relay.port',
        value,
        expected: `a port without ${name}.port (${port}) behind it, ${its}`,
      });
    }
  }
  if (problems.length > 0) throw new ConfigError(problems);
}

// A port that is translated on its way is expected to be one of a row there, too.
function shifted(advertise: string | undefined, further: number): string | undefined {
  const [, host, port] = /^(.*):(\d+)$/.exec(advertise ?? '') ?? [];
  // An address of IPv6 may end like a port.
  if (host === undefined || isIPv6(advertise ?? '')) return advertise;
  return `${host}:${Number(port) + further}`;
}
