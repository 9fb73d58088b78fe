/**
 * Runs a Dockerfile's steps without a container engine: each stage is a directory that bubblewrap makes the root, with this
 * machine's /usr below it in place of the base image's. Of a base image `node:…` there is Node and npm in /usr/local. As
 * in an image, a step sees what COPY and earlier steps have put there and nothing of this checkout.
 *
 * It knows the instructions that the Dockerfile has, and throws at any other. Needs root, as users are changed.
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  symlinkSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';

export interface Instruction {
  name: string;
  /** All behind the name, on one line. */
  text: string;
}

export interface Stage {
  readonly root: string;
  workingDirectory: string;
  user: string;
  environment: Record<string, string>;
  entrypoint: string[];
  command: string[];
  healthcheck: string[];
  volumes: string[];
}

export function parseDockerfile(text: string): Instruction[] {
  const lines = text.split('\n').filter((line) => !/^\s*(#|$)/.test(line));
  return lines
    .join('\n')
    .replace(/\\\n\s*/g, ' ')
    .split('\n')
    .map((line) => {
      const [, name, rest] = /^(\w+)\s+(.*)$/.exec(line) ?? [];
      if (name === undefined) throw new Error(`not an instruction: ${line}`);
      return { name: name.toUpperCase(), text: rest };
    });
}

/** Runs all steps below `directory`, which is to be empty; the last stage is the image. */
export function buildImage(contextDirectory: string, directory: string): Stage {
  const ignored = readIgnored(join(contextDirectory, '.dockerignore'));
  const stages = new Map<string, Stage>();
  let stage: Stage | null = null;
  for (const { name, text } of parseDockerfile(readFileSync(join(contextDirectory, 'Dockerfile'), 'utf8'))) {
    if (name === 'FROM') {
      const [, base, alias = ''] = /^(\S+)(?:\s+AS\s+(\S+))?$/i.exec(text) ?? [];
      stage = startStage(base, mkdtempSync(join(directory, 'stage-')));
      stages.set(alias, stage);
      continue;
    }
    if (stage === null) throw new Error(`${name} before FROM`);
    step(stage, name, text, { contextDirectory, ignored, stages });
  }
  if (stage === null) throw new Error('no stage');
  return stage;
}

interface Context {
  contextDirectory: string;
  ignored: (path: string) => boolean;
  stages: Map<string, Stage>;
}

function step(stage: Stage, name: string, text: string, context: Context): void {
  switch (name) {
    case 'WORKDIR':
      stage.workingDirectory = text;
      mkdirSync(join(stage.root, text), { recursive: true });
      break;
    case 'COPY':
      copy(stage, text.split(/\s+/), context);
      break;
    case 'RUN':
      execFileSync('bwrap', runArguments(stage, ['/bin/sh', '-c', text], { readOnly: false, ...registryAccess() }), {
        stdio: ['ignore', 'ignore', 'inherit'],
      });
      break;
    case 'USER':
      stage.user = text;
      break;
    case 'ENV':
      for (const pair of text.split(/\s+/)) {
        const equals = pair.indexOf('=');
        stage.environment[pair.slice(0, equals)] = pair.slice(equals + 1);
      }
      break;
    case 'VOLUME':
      stage.volumes.push(text);
      break;
    case 'ENTRYPOINT':
      stage.entrypoint = JSON.parse(text);
      break;
    case 'CMD':
      stage.command = JSON.parse(text);
      break;
    case 'HEALTHCHECK':
      stage.healthcheck = JSON.parse(text.slice(text.indexOf('CMD') + 3));
      break;
    case 'EXPOSE':
    case 'STOPSIGNAL':
      break;
    default:
      throw new Error(`unknown instruction ${name}`);
  }
}

/** How this machine reaches npm's registry, for steps that build, and what it has fetched from there before. */
function registryAccess(): Pick<RunOptions, 'mounts' | 'environment'> {
  const isWanted = (name: string) => /^(?:https?_proxy|no_proxy|npm_config_registry|node_extra_ca_certs)$/i.test(name);
  const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => isWanted(name)));
  const cache = execFileSync('npm', ['config', 'get', 'cache'], { encoding: 'utf8' }).trim();
  const mounts = { [environment.NODE_EXTRA_CA_CERTS ?? '']: environment.NODE_EXTRA_CA_CERTS ?? '' };
  const settings = join(homedir(), '.npmrc');
  if (existsSync(settings)) mounts['/root/.npmrc'] = settings;
  delete mounts[''];
  return {
    environment: { ...environment, npm_config_cache: '/root/.npm' } as Record<string, string>,
    mounts: { ...mounts, '/root/.npm': cache },
  };
}

function startStage(base: string, root: string): Stage {
  for (const directory of ['usr/local/bin', 'usr/local/lib', 'etc', 'tmp', 'proc', 'dev', 'root', 'var/tmp']) {
    mkdirSync(join(root, directory), { recursive: true });
  }
  chmodSync(root, 0o755);
  chmodSync(join(root, 'tmp'), 0o1777);
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) symlinkSync(`usr/${name}`, join(root, name));
  const taken = ['passwd', 'group', 'shadow', 'gshadow', 'login.defs', 'nsswitch.conf', 'resolv.conf', 'ssl', 'hosts'];
  for (const name of taken.filter((one) => existsSync(join('/etc', one)))) {
    cpSync(join('/etc', name), join(root, 'etc', name), { recursive: true, dereference: true });
  }
  if (base.startsWith('node:')) {
    const npm = dirname(
      dirname(realpathSync(execFileSync('sh', ['-c', 'command -v npm'], { encoding: 'utf8' }).trim())),
    );
    cpSync(realpathSync(process.execPath), join(root, 'usr/local/bin/node'));
    cpSync(npm, join(root, 'usr/local/lib/node_modules/npm'), { recursive: true, dereference: true });
    symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(root, 'usr/local/bin/npm'));
  }
  const environment = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root' };
  return {
    root,
    workingDirectory: '/',
    user: '0:0',
    environment,
    entrypoint: [],
    command: [],
    healthcheck: [],
    volumes: [],
  };
}

/** Paths of .dockerignore: folders and files by name, and `**` before an ending. */
function readIgnored(path: string): (path: string) => boolean {
  const patterns = readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const source = line
        .replace(/[.+^$()|[\]{}]/g, '\\$&')
        .replace(/\*\*\//g, '(?:.*/)?')
        .replace(/(?<!\.)\*/g, '[^/]*');
      return new RegExp(`^${source}(?:/|$)`);
    });
  return (relative) => patterns.some((pattern) => pattern.test(relative));
}

function copy(stage: Stage, words: string[], { contextDirectory, ignored, stages }: Context): void {
  const fromName = words[0].startsWith('--from=') ? words[0].slice('--from='.length) : null;
  const from = fromName === null ? contextDirectory : stages.get(fromName)?.root;
  if (from === undefined) throw new Error(`no stage ${fromName}`);
  const paths = words.slice(fromName === null ? 0 : 1);
  const target = paths.pop() ?? '';
  const into = target.startsWith('/') ? join(stage.root, target) : join(stage.root, stage.workingDirectory, target);
  for (const path of paths) {
    const source = join(from, path);
    // A directory's contents are copied; a file goes into a directory when the target ends in a slash.
    const isInto = target.endsWith('/') && path !== '.';
    const filter = (one: string) => fromName !== null || one === source || !ignored(one.slice(from.length + 1));
    mkdirSync(isInto ? into : dirname(into), { recursive: true });
    cpSync(source, isInto ? join(into, basename(path)) : into, { recursive: true, verbatimSymlinks: true, filter });
  }
}

export interface RunOptions {
  /** The root filesystem, all but volumes, as `docker run --read-only` has it. */
  readOnly: boolean;
  /** Further paths of this machine, by where they are seen; they can be written to unless `readOnly`. */
  mounts?: Record<string, string>;
  environment?: Record<string, string>;
}

/** Arguments of bwrap that run a command in the stage, as its user, in its directory, with its variables. */
export function runArguments(stage: Stage, command: string[], { readOnly, mounts = {}, environment = {} }: RunOptions) {
  const [uid, gid] = stage.user.split(':');
  const local = join(stage.root, 'usr/local');
  const bind = readOnly ? '--ro-bind' : '--bind';
  const volumes = stage.volumes.flatMap((path) => ['--bind', join(stage.root, path), path]);
  const seen = Object.entries(mounts).flatMap(([path, source]) => [bind, source, path]);
  const variables = { ...stage.environment, ...environment };
  // Other users are switched to inside, as only then the files of the image keep their owners.
  const as =
    uid === '0' ? [] : ['/usr/bin/setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--no-new-privs'];
  return [
    ...[bind, stage.root, '/', '--ro-bind', '/usr', '/usr', bind, local, '/usr/local'],
    ...['--proc', '/proc', '--dev', '/dev', ...volumes, ...seen],
    ...['--clearenv', ...Object.entries(variables).flatMap(([name, value]) => ['--setenv', name, value])],
    ...['--chdir', stage.workingDirectory, '--die-with-parent', '--', ...as, ...command],
  ];
}
