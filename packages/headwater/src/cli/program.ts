// The command line. Only the parser is loaded here; each command loads what it needs when it runs, so that all of them
// start fast.
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import type { CheckOptions } from '../check/run-check.ts';
import { defaultDemoUrl } from '../demo/demo-url.ts';
import { exitCode } from '../exit-code.ts';
import { applyHeapSettings } from '../heap-settings.ts';
import { programVersion } from '../program-version.ts';
import { failureOf } from './failure.ts';

interface ConfigOptions {
  readonly config?: string;
  readonly set: string[];
}

interface RunOptions extends ConfigOptions {
  readonly readyFile?: string;
}

interface QueryOptions {
  readonly admin: string;
  readonly json: boolean;
}

interface DemoOptions {
  readonly url: string;
  readonly clip: boolean;
}

const routeProtocols = ['flv', 'ws-flv', 'hls', 'rtmp'];

const roles = {
  all: 'Run a whole cluster in one process: origin, edge and router',
  origin: 'Run an origin: accepts publishers and serves edges',
  edge: 'Run an edge: pulls streams from origins and serves viewers',
  controller: 'Run a controller: notices dead nodes and repairs what they owned',
  router: 'Run a router: sends each viewer to the nearest edge that has room',
} as const;

/** Runs the program with its arguments (without the program's own name); resolves with the exit code. */
export async function runProgram(args: readonly string[]): Promise<number> {
  let result: number = exitCode.ok;
  const program = buildProgram((code) => {
    result = code;
  });
  try {
    await program.parseAsync([...args], { from: 'user' });
    return result;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode.ok : exitCode.usage;
    const failure = failureOf(error);
    process.stderr.write(`headwater: ${failure.text}\n`);
    return failure.exitCode;
  }
}

function buildProgram(ended: (code: number) => void): Command {
  const program = new Command('headwater')
    .description('A horizontally scaled live-streaming cluster: RTMP origins, gRPC relay, edges.')
    .version(programVersion())
    .exitOverride()
    .showHelpAfterError('(run with --help for what can be given)');
  for (const [role, description] of Object.entries(roles)) {
    withConfigOptions(program.command(role).description(description))
      .option('--ready-file <file>', 'write the addresses in use to this file once everything accepts')
      .action(async (options: RunOptions) => {
        // Before all that a node is made of is loaded: what is small by then stays small.
        if (role !== 'origin') applyHeapSettings();
        const { runNode } = await import('./run-node.ts');
        ended(await runNode(role as keyof typeof roles, options));
      });
  }
  addConfigCommands(program);
  addQueryCommands(program);
  addDrainCommand(program);
  addRouteCommands(program);
  addJobCommands(program);
  program
    .command('check')
    .description('Publish the built-in clip and watch it, to see that a cluster works')
    .requiredOption('--publish <url>', 'where to publish: rtmp://HOST[:PORT]/APP/NAME')
    .requiredOption('--play <url>', 'where to watch it: http://HOST[:PORT]/APP/NAME.flv')
    .option('--timeout <seconds>', 'how long it may take', '30')
    .action(async (options: CheckOptions) => {
      const { runCheck } = await import('../check/run-check.ts');
      ended(await runCheck(options));
    });
  program
    .command('demo')
    .description('Publish a moving test picture with a tone, until stopped')
    .option('--url <url>', 'where to publish', defaultDemoUrl)
    .option('--clip', 'loop the built-in clip also where ffmpeg is there', false)
    .action(async (options: DemoOptions) => {
      const { runDemo } = await import('../demo/run-demo.ts');
      ended(await runDemo(options));
    });
  program.addHelpText('after', exitCodeHelp);
  return program;
}

function addConfigCommands(program: Command): void {
  const config = program.command('config').description('Look at the configuration without running anything');
  withConfigOptions(config.command('check').description('Say whether the configuration is valid')).action(
    async (options: ConfigOptions) => {
      const { checkConfiguration } = await import('./config-commands.ts');
      checkConfiguration(options);
    },
  );
  withConfigOptions(config.command('print').description('Print every value in force as YAML, secrets hidden'))
    .option('--sources', 'say where each value comes from', false)
    .action(async (options: ConfigOptions & { sources: boolean }) => {
      const { printConfiguration } = await import('./config-commands.ts');
      printConfiguration(options);
    });
  config
    .command('schema')
    .description('Print the JSON Schema of a configuration file')
    .action(async () => {
      const { printSchema } = await import('./config-commands.ts');
      printSchema();
    });
}

function addQueryCommands(program: Command): void {
  const queries = {
    status: 'Show what a node is and how much it serves',
    streams: 'List the streams of a node',
    nodes: 'List the nodes of the cluster',
  } as const;
  for (const [name, description] of Object.entries(queries)) {
    program
      .command(name)
      .description(description)
      .option('--admin <url>', 'admin address of the node to ask', 'http://127.0.0.1:9090')
      .option('--json', 'print the answer as JSON', false)
      .action(async (options: QueryOptions) => {
        const { runQuery } = await import('./queries.ts');
        await runQuery(name as keyof typeof queries, options);
      });
  }
}

function addDrainCommand(program: Command): void {
  program
    .command('drain')
    .argument('<node>', 'id of the node')
    .description('Have a node take nobody new and send its publishers elsewhere')
    .option('--admin <url>', 'admin address of any node of the cluster', 'http://127.0.0.1:9090')
    .option('--deadline <seconds>', 'how long publishers have before they are sent away', '300')
    .action(async (node: string, options: { admin: string; deadline: string }) => {
      const { drainNode } = await import('./drain-command.ts');
      await drainNode(node, options);
    });
}

function addRouteCommands(program: Command): void {
  program
    .command('route')
    .description('Look at how viewers are sent to edges')
    .command('explain')
    .argument('<stream>', 'app/name')
    .requiredOption('--from <ip>', 'address of the viewer')
    .addOption(new Option('--protocol <protocol>', 'how it watches').choices(routeProtocols).default('flv'))
    .description('Say to which edge a viewer would be sent, and why not to another')
    .option('--admin <url>', 'admin address of a router', 'http://127.0.0.1:9090')
    .option('--json', 'print the answer as JSON', false)
    .action(async (stream: string, options: QueryOptions & { from: string; protocol: string }) => {
      const { explainRoute } = await import('./route-command.ts');
      await explainRoute(stream, options);
    });
}

function addJobCommands(program: Command): void {
  const jobs = program
    .command('jobs')
    .description('Have origins fetch streams from cameras and other servers');
  const withAdmin = (command: Command): Command =>
    command.option('--admin <url>', 'admin address of any node of the cluster', 'http://127.0.0.1:9090');
  withAdmin(jobs.command('list'))
    .description('List the jobs of the cluster, who does them, and how they stand')
    .option('--json', 'print the answer as JSON', false)
    .action(async (options: QueryOptions) => {
      const { listJobs } = await import('./jobs-commands.ts');
      await listJobs(options);
    });
  const add = jobs.command('add').description('Add a job; it stays until it is removed');
  withAdmin(add.command('pull'))
    .argument('<url>', 'where from: rtsp://… or rtmp://…')
    .argument('<stream>', 'as which stream to publish it: app/name')
    .description('Fetch a source and publish it as a stream')
    .action(async (source: string, stream: string, options: { admin: string }) => {
      const { addPullJob } = await import('./jobs-commands.ts');
      await addPullJob(source, stream, options);
    });
  withAdmin(jobs.command('remove'))
    .argument('<id>', 'id of the job, as the list shows it')
    .description('Remove a job; its stream ends')
    .action(async (id: string, options: { admin: string }) => {
      const { removeJob } = await import('./jobs-commands.ts');
      await removeJob(id, options);
    });
}

function withConfigOptions(command: Command): Command {
  return command
    .option('-c, --config <file>', 'configuration file (YAML)')
    .option(
      '-s, --set <key=value>',
      'set one key, over the file and the environment; repeatable',
      collected,
      [],
    );
}

function collected(value: string, previous: string[]): string[] {
  if (value.startsWith('=')) throw new InvalidArgumentError('expected key=value');
  return [...previous, value];
}

const exitCodeHelp = `
Exit codes:
  ${exitCode.ok}   a clean end
  ${exitCode.fault}   a fault while running
  ${exitCode.usage}  the command line is wrong
  ${exitCode.unavailable}  an address cannot be used, or the node that was asked cannot be reached
  ${exitCode.config}  the configuration is wrong
`;
