import type { AbuseCase } from '../abuse-case.ts';
import { amfCases } from './amf.ts';
import { chunkCases } from './chunk.ts';
import { commandCases } from './command.ts';
import { controlCases } from './control.ts';
import { handshakeCases } from './handshake.ts';
import { httpCases } from './http.ts';
import { mediaCases } from './media.ts';
import { processCases } from './process.ts';
import { publishCases } from './publish.ts';
import { relayCases } from './relay.ts';
import { webSocketCases } from './websocket.ts';

/** Every case, in the order of its number. */
export const abuseCases: readonly AbuseCase[] = [
  ...handshakeCases,
  ...chunkCases,
  ...controlCases,
  ...amfCases,
  ...commandCases,
  ...publishCases,
  ...mediaCases,
  ...httpCases,
  ...webSocketCases,
  ...relayCases,
  ...processCases,
].sort((one, other) => one.number - other.number);
