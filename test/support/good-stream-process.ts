// Entry of the good stream's own process. Options come as JSON in the first argument, commands and answers over IPC.
import { GoodStreamSession } from './good-stream-session.ts';
import type { GoodStreamOptions } from './good-stream-contract.ts';

const session = new GoodStreamSession(JSON.parse(process.argv[2] ?? '{}') as GoodStreamOptions);

process.on('disconnect', () => process.exit());
process.on('message', (command) => {
  if (command === 'mark') session.mark();
  if (command === 'report') process.send?.({ report: session.report() });
});

try {
  await session.start();
  process.send?.({ ready: true });
} catch (error) {
  process.send?.({ failed: String(error) });
}
