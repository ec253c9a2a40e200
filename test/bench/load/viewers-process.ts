// A load process: `viewers-process.ts TARGET-JSON`, driven over its IPC channel, ends with it.
import type { JoinReport } from './fleet-stats.ts';
import { Fleet } from './fleet.ts';
import type { ViewersAnswer, ViewersCommand } from './load-messages.ts';
import type { ViewerTarget } from './viewer.ts';

const fleet = new Fleet(JSON.parse(process.argv[2] ?? '') as ViewerTarget);

function answer(message: ViewersAnswer): void {
  process.send?.(message);
}

process.on('message', (message) => {
  const command = message as ViewersCommand;
  switch (command.do) {
    case 'join':
      void fleet.join(command.viewers, command.joinsPerSecond).then((report: JoinReport) => {
        answer({ done: 'join', report });
      });
      return;
    case 'begin':
      fleet.begin();
      answer({ done: 'begin' });
      return;
    case 'end':
      answer({ done: 'end', report: fleet.end() });
      return;
  }
});
process.on('disconnect', () => process.exit(0));
answer({ done: 'ready' });
