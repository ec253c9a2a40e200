// `npm run cluster`: a whole cluster on this machine, to look at and to break. Without a command it starts and stays in
// the foreground; with one it tells a running cluster what to do.
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { actionNames, execute } from './cluster-actions.mjs';
import { sendCommand, serveCommands } from './cluster-control.mjs';
import { planOnFreePorts } from './cluster-ports.mjs';
import { killLeftovers, prepareFolder, readState, removeState } from './cluster-state.mjs';
import { LocalCluster } from './cluster-supervisor.mjs';
import { bannerText } from './cluster-text.mjs';
import { StepFailed, cacheFolder, say } from './step.mjs';

const usage = `usage: npm run -s cluster -- [COMMAND] [OPTIONS]
  (none)        start Redis, origins behind a load balancer, and edges; Ctrl-C stops them
  status        how everything is, and where each stream is
  kill NAME     end a process as a crash would
  freeze NAME   stop a process in the middle of whatever it does
  thaw NAME     let it go on
  drain NAME    have a node send its publishers elsewhere and take nobody new
  start NAME    start what was killed or drained
  stop          stop everything
options:
  --base-port N      use a row of ports from N on (0: any free ports) instead of the documented ones
  --set KEY=VALUE    configuration for every node, repeatable
  --folder FOLDER    where logs and state go (default: .cache/cluster)`;

/** A second Ctrl-C counts only after this: npm hands on the first one once more. */
const repeatedSignalMs = 1000;

/**
 * Starts a cluster, or talks to a running one.
 * @param {string[]} args
 * @param {{ prepare: () => Promise<void> }} options `prepare` makes the program ready to run
 */
export async function runCluster(args, { prepare }) {
  const { positionals, values } = parsed(args);
  if (values.help === true) {
    console.log(usage);
    return;
  }
  const command = checkedCommand(positionals);
  const folder = resolve(values.folder ?? resolve(cacheFolder, 'cluster'));
  if (command === undefined) {
    await prepare();
    return run({ folder, basePort: portNumber(values['base-port']), set: values.set ?? [] });
  }
  if (command === 'stop') return stop(folder);
  const answer = await sendCommand(folder, positionals);
  if (answer === undefined) {
    throw new StepFailed('the cluster does not run, or not yet; start it with: npm run cluster');
  }
  console.log(answer);
}

/** @param {string[]} words */
function checkedCommand([command, ...words]) {
  if (command === undefined) return undefined;
  const takesName = actionNames.includes(command);
  if (!takesName && command !== 'status' && command !== 'stop') {
    throw new StepFailed(`unknown command '${command}'\n${usage}`);
  }
  if (takesName && words.length === 0) {
    throw new StepFailed(`${command} what? For example: ${command} origin-1`);
  }
  const unexpected = words[takesName ? 1 : 0];
  if (unexpected !== undefined) throw new StepFailed(`unexpected '${unexpected}'\n${usage}`);
  return command;
}

/**
 * Runs a cluster until a signal or a command ends it.
 * @param {{ folder: string, basePort: number | undefined, set: readonly string[] }} options
 */
async function run({ folder, basePort, set }) {
  await prepareFolder(folder);
  const local = new LocalCluster({ plan: await planOnFreePorts(basePort), folder, set });
  const end = new EndOfRun();
  try {
    await Promise.race([local.start(), end.asked]);
    if (end.isAsked) return;
    const control = await serveCommands(folder, async (args) => {
      if (args[0] !== 'stop') return execute(local, args);
      end.ask();
      await end.finished;
      return 'the cluster is stopped';
    });
    await local.announce();
    console.log(bannerText(local));
    await end.asked;
    control.close();
  } finally {
    say('stopping the cluster …');
    const killed = await local.stop();
    await removeState(folder);
    if (killed.length > 0) {
      say(`${killed.join(', ')} did not end in time and had to be killed`);
      process.exitCode = 1;
    }
    end.finish();
  }
}

/** @param {string} folder */
async function stop(folder) {
  const answer = await sendCommand(folder, ['stop']);
  const wasLeft = (await readState(folder)) !== undefined;
  if (answer === undefined) await killLeftovers(folder);
  console.log(answer ?? (wasLeft ? 'what an earlier run left is gone' : 'the cluster does not run'));
}

/** From the first wish to stop, by a signal or a command, to the end. */
class EndOfRun {
  isAsked = false;
  /** @type {Promise<void>} */
  asked;
  /** @type {Promise<void>} */
  finished;
  /** @type {() => void} */
  #resolveAsked = () => undefined;
  #askedAtMs = 0;
  /** Everything has stopped. */
  finish = () => /** @type {void} */ (undefined);

  constructor() {
    this.asked = new Promise((resolve) => (this.#resolveAsked = resolve));
    this.finished = new Promise((resolve) => (this.finish = resolve));
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => this.#hear());
  }

  ask() {
    if (!this.isAsked) this.#askedAtMs = performance.now();
    this.isAsked = true;
    this.#resolveAsked();
  }

  #hear() {
    // Ending the process kills everything that still runs.
    if (this.isAsked && performance.now() - this.#askedAtMs > repeatedSignalMs) process.exit(1);
    this.ask();
  }
}

/** @param {string[]} args */
function parsed(args) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        'base-port': { type: 'string' },
        set: { type: 'string', multiple: true },
        folder: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new StepFailed(`${error instanceof Error ? error.message : String(error)}\n${usage}`);
  }
}

/** @param {string | undefined} text */
function portNumber(text) {
  if (text === undefined) return undefined;
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_000) return port;
  throw new StepFailed(`--base-port ${text}: expected a port number from 0 to 65000`);
}
