/**
 * The open databases, by name and id, and what the catalog says of them: their retention policies and settings.
 *
 * 1. A change is one write of the catalog. Before it nothing has happened, after it all of it has; directories that no
 *    entry names any more are removed then, or by the next start.
 * 2. A name that clients know, `NAME` or `NAME/POLICY`, leads to a policy, and that to the engine database with its rows.
 *    Everything that belongs to a database has a name that begins with its own and a NUL.
 * 3. Whoever goes is asked for between two turns of the event loop in which neither a flush nor a merge is under way.
 */
import type { FileSystem } from '../disk/file-system.ts';
import { VarveError } from '../errors/errors.ts';
import {
  Catalog,
  type CatalogEntry,
  type ContinuousQueryEntry,
  type DatabaseSettings,
  type PolicyEntry,
} from './catalog.ts';
import { Database } from './database.ts';
import type { Log } from './options.ts';
import {
  checkDurations,
  databaseNotFound,
  FIRST_POLICY,
  isValidName,
  type PolicyChange,
  partitionDurationFor,
  policyDatabaseName,
  policyNotFound,
  type RetentionPolicy,
  settledShardDuration,
  shardDurationFor,
} from './retention-policy.ts';

const NUL = '\u0000';

/** What the server's options say for databases that say nothing. */
export interface RegistryDefaults {
  readonly partitionDurationSec: number;
  readonly retentionMs: number;
}

/** A database's settings together with the first policy that it is to have. */
export interface NewDatabase extends Partial<DatabaseSettings> {
  readonly policy?: PolicyChange & { readonly name: string };
}

export class Registry {
  private readonly fs: FileSystem;
  private readonly directory: string;
  private readonly log: Log;
  private readonly defaults: RegistryDefaults;
  private readonly catalog: Catalog;
  private readonly byName = new Map<string, Database>();
  private readonly byId = new Map<number, Database>();
  /** Entries by name, as in the catalog. */
  private entries = new Map<string, CatalogEntry>();

  /** Opens all databases of a data directory. */
  constructor(fs: FileSystem, dataDirectory: string, log: Log, defaults: RegistryDefaults) {
    this.fs = fs;
    this.directory = `${dataDirectory}/db`;
    this.log = log;
    this.defaults = defaults;
    this.catalog = new Catalog(fs, dataDirectory);
    this.noteEntries();
    this.removeOrphans();
    for (const entry of this.catalog.entries()) this.open(entry);
  }

  /** All databases, those that belong to others included. */
  all(): Iterable<Database> {
    return this.byName.values();
  }

  get size(): number {
    return this.byName.size;
  }

  withId(id: number): Database | undefined {
    return this.byId.get(id);
  }

  /** Names that clients know, in the order of creation. */
  names(): string[] {
    return [...this.entries.keys()].filter((name) => !name.includes(NUL));
  }

  /** Whether there is a database of that name, whatever has become of its policies. */
  has(name: string): boolean {
    return !name.includes(NUL) && this.entries.has(name);
  }

  /**
   * The rows of `NAME`, by its default policy, or of `NAME/POLICY`; undefined when there is no such, or when it could not
   * be opened yet, and so holds nothing.
   * @param policy '' leaves it to the name.
   */
  find(name: string, policy = ''): Database | undefined {
    const id = this.idOf(name, policy);
    if (id === null) return undefined;
    try {
      return this.opened(id);
    } catch (error) {
      this.log('error', `cannot open database ${name}: ${(error as Error).message}`);
      return undefined;
    }
  }

  /** As `find`. Throws `not_found` with InfluxDB's text, or the disk's error. */
  resolve(name: string, policy = ''): Database {
    const id = this.idOf(name, policy);
    if (id !== null) return this.opened(id);
    const entry = this.entries.get(name);
    if (entry !== undefined) throw policyNotFound(policy === '' ? defaultPolicyOf(entry) : policy);
    const slash = name.indexOf('/');
    if (slash > 0 && this.entries.has(name.slice(0, slash))) throw policyNotFound(name.slice(slash + 1));
    throw databaseNotFound(slash > 0 ? name.slice(0, slash) : name);
  }

  /** The id of the rows that a name and policy mean; null when there are none. */
  private idOf(name: string, policy: string): number | null {
    const entry = this.entries.get(name);
    if (entry !== undefined) {
      if (name.includes(NUL)) return entry.id;
      const wanted = policy === '' ? defaultPolicyOf(entry) : policy;
      return policiesOf(entry).find((each) => each.name === wanted)?.id ?? null;
    }
    // Neither part can have a slash.
    const slash = name.indexOf('/');
    if (slash < 0 || policy !== '' || name.includes(NUL)) return null;
    return this.idOf(name.slice(0, slash), name.slice(slash + 1));
  }

  /** Adds a database, unless it exists; its existence is durable on return. Throws `bad_request` for a policy that cannot be. */
  create(name: string, { policy, ...settings }: NewDatabase): Database {
    const known = this.entries.get(name);
    if (known !== undefined) return this.opened(known.id);
    const { nextId, databases } = this.catalog.content;
    const { partitionDurationSec } = this.defaults;
    let entry: CatalogEntry = { id: nextId, name, settings: { partitionDurationSec, retentionMs: null, ...settings } };
    if (policy !== undefined) {
      if (!isValidName(policy.name)) throw invalidName();
      const first = this.newPolicy(policy.name, policy, nextId);
      entry = {
        ...entry,
        settings: { ...entry.settings, ...first.settings },
        policies: [first.policy],
        defaultPolicy: policy.name,
      };
    }
    this.write([...databases, entry], nextId + 1);
    return this.open(entry);
  }

  /** The policies of a database in the order of their creation. Throws `not_found`. */
  policies(name: string): RetentionPolicy[] {
    const entry = this.owner(name);
    return policiesOf(entry).map((policy) => {
      const database = this.opened(policy.id);
      const retentionMs = this.retentionMs(database);
      return {
        name: policy.name,
        retentionMs,
        shardDurationMs: policy.shardDurationMs ?? shardDurationFor(retentionMs),
        replication: policy.replication,
        isDefault: policy.name === defaultPolicyOf(entry),
        database,
      };
    });
  }

  /** The name of a database's default policy, which may be gone. Throws `not_found`. */
  defaultPolicy(name: string): string {
    return defaultPolicyOf(this.owner(name));
  }

  /** Age in ms at which a database's partitions are dropped; 0 keeps them for ever. */
  retentionMs(database: Database): number {
    return database.settings.retentionMs ?? this.defaults.retentionMs;
  }

  /** Adds a policy to a database, with rows of its own; durable on return. Throws `bad_request`, `not_found`. */
  createPolicy(name: string, policyName: string, change: PolicyChange): void {
    if (!isValidName(policyName)) throw invalidName();
    const { nextId, databases } = this.catalog.content;
    const { policy, settings } = this.newPolicy(policyName, change, nextId);
    const entry = this.owner(name);
    const existing = this.policies(name).find((each) => each.name === policyName);
    if (existing !== undefined) {
      const { retentionMs, shardDurationMs, replication, isDefault } = existing;
      const isSame =
        retentionMs === settings.retentionMs &&
        replication === policy.replication &&
        shardDurationMs === policy.shardDurationMs;
      if (!isSame) throw new VarveError('bad_request', 'retention policy already exists');
      if (change.makeDefault === true && !isDefault) {
        throw new VarveError('bad_request', 'retention policy conflicts with an existing policy');
      }
      return;
    }
    const holder: CatalogEntry = { id: nextId, name: policyDatabaseName(name, policyName), settings };
    const changed: CatalogEntry = {
      ...entry,
      policies: [...this.writtenPolicies(entry), policy],
      defaultPolicy: change.makeDefault === true ? policyName : defaultPolicyOf(entry),
    };
    this.write([...databases.map((each) => (each === entry ? changed : each)), holder], nextId + 1);
    this.open(holder);
  }

  /**
   * Changes a policy; durable on return. What is shown of its shards changes; its partitions do only while there are no
   * rows, for files are cut by them. Throws `bad_request`, `not_found`.
   * @param asked '' is the default policy.
   */
  alterPolicy(name: string, asked: string, change: PolicyChange): void {
    const entry = this.owner(name);
    const wanted = asked === '' ? defaultPolicyOf(entry) : asked;
    const policy = this.policies(name).find((each) => each.name === wanted);
    if (policy === undefined) throw policyNotFound(asked);
    const { database } = policy;
    const retentionMs = change.retentionMs ?? policy.retentionMs;
    const askedMs = change.shardDurationMs;
    const shardDurationMs = askedMs === undefined ? policy.shardDurationMs : settledShardDuration(askedMs, retentionMs);
    // As InfluxDB has it, what was asked for counts here, not what is made of it.
    checkDurations(retentionMs, askedMs ?? policy.shardDurationMs);
    const changed: CatalogEntry = {
      ...entry,
      policies: this.writtenPolicies(entry).map((each) =>
        each.name === policy.name
          ? { ...each, shardDurationMs, replication: change.replication ?? each.replication }
          : each,
      ),
      defaultPolicy: change.makeDefault === true ? policy.name : defaultPolicyOf(entry),
    };
    const settings = { ...database.settings };
    if (change.retentionMs !== undefined) settings.retentionMs = change.retentionMs;
    if (askedMs !== undefined && database.isEmpty) {
      const { partitionDurationSec } = this.defaults;
      settings.partitionDurationSec = partitionDurationFor(shardDurationMs, askedMs !== 0, partitionDurationSec);
    }
    const follow = change.retentionMs === undefined ? [] : this.followers(database);
    const databases = this.catalog.content.databases.map((each) => {
      const base = each === entry ? changed : each;
      if (base.id === database.id) return { ...base, settings };
      return follow.includes(base.id) ? { ...base, settings: { ...base.settings, retentionMs } } : base;
    });
    this.write(databases);
    this.applySettings();
  }

  /**
   * Removes a policy with its rows; one that does not exist is fine. Nothing may be flushed or merged meanwhile. The
   * default policy leaves its name behind, for another that is called so.
   */
  dropPolicy(name: string, policyName: string): void {
    const entry = this.entries.get(name);
    const policy = entry && policiesOf(entry).find((each) => each.name === policyName);
    if (entry === undefined || policy === undefined) return;
    const { nextId, databases } = this.catalog.content;
    const holder = this.opened(policy.id);
    const gone = [holder, ...this.companions(holder)];
    const goneIds = new Set(gone.map(({ id }) => id));
    const changed: CatalogEntry = {
      ...entry,
      policies: this.writtenPolicies(entry).filter((each) => each !== policy && each.name !== policyName),
      defaultPolicy: defaultPolicyOf(entry),
    };
    // The database itself stays, so its entry goes on with an empty directory when the rows in it were the policy's.
    const isOwn = policy.id === entry.id;
    const next = databases
      .filter((each) => each === entry || !goneIds.has(each.id))
      .map((each) => (each === entry ? (isOwn ? { ...changed, id: nextId } : changed) : each));
    this.write(next, isOwn ? nextId + 1 : nextId);
    this.close(gone);
    if (!isOwn) return;
    try {
      this.open(this.entries.get(name)!);
    } catch (error) {
      // The policy is gone all the same. Whoever needs the directory tries again.
      this.log('error', `cannot make the directory of database ${name}: ${(error as Error).message}`);
    }
  }

  /** Removes a database with all that belongs to it. Nothing may be flushed or merged meanwhile. */
  drop(name: string): void {
    const gone = [...this.byName.values()].filter((each) => each.name === name || each.name.startsWith(name + NUL));
    const ids = new Set(gone.map(({ id }) => id));
    this.write(this.catalog.content.databases.filter((each) => !ids.has(each.id)));
    this.close(gone);
  }

  /** Changes settings of a database's default policy, and of what is kept along with it; durable on return. */
  alter(name: string, change: Partial<DatabaseSettings>): void {
    const entry = this.owner(name);
    const target = this.resolve(name);
    const { retentionMs, partitionDurationSec, ...ofWhole } = change;
    if (partitionDurationSec !== undefined && !target.isEmpty && partitionDurationSec !== target.partitionDurationSec) {
      const cause = 'it has rows, which are cut by the old one';
      throw new VarveError('bad_request', `cannot change the partition duration of database ${name}: ${cause}`);
    }
    const follow = retentionMs === undefined ? [] : this.followers(target);
    const databases = this.catalog.content.databases.map((each) => {
      let settings = each === entry ? { ...each.settings, ...ofWhole } : each.settings;
      if (retentionMs !== undefined && (each.id === target.id || follow.includes(each.id))) {
        settings = { ...settings, retentionMs };
      }
      if (partitionDurationSec !== undefined && each.id === target.id) settings = { ...settings, partitionDurationSec };
      return settings === each.settings ? each : { ...each, settings };
    });
    this.write(databases);
    this.applySettings();
  }

  /** Makes sure that the catalog on disk is what is true here. Throws the disk's error while it cannot. */
  settle(): void {
    this.catalog.settle();
  }

  continuousQueries(name: string): readonly ContinuousQueryEntry[] {
    return this.owner(name).continuousQueries ?? [];
  }

  /** Puts a database's continuous queries in place of those it has; durable on return. */
  setContinuousQueries(name: string, continuousQueries: readonly ContinuousQueryEntry[]): void {
    const entry = this.owner(name);
    this.write(this.catalog.content.databases.map((each) => (each === entry ? { ...entry, continuousQueries } : each)));
  }

  /** The database that clients know, with the settings that count for all its policies. Throws `not_found`. */
  owner(name: string): CatalogEntry {
    const entry = name.includes(NUL) ? undefined : this.entries.get(name);
    if (entry === undefined) throw databaseNotFound(name);
    return entry;
  }

  /** Series of a database's other retention policies than the one that holds these rows; 0 for what is no policy. */
  seriesInOtherPolicies(name: string, database: Database): number {
    const policies = this.entries.get(name)?.policies;
    if (policies === undefined || !policies.some(({ id }) => id === database.id)) return 0;
    let series = 0;
    for (const { id } of policies) if (id !== database.id) series += this.byId.get(id)?.index.seriesCount ?? 0;
    return series;
  }

  /** What is stored beside a database's own rows, and goes with them. */
  private companions({ name }: Database): Database[] {
    const policies = policyDatabaseName(name, '');
    return [...this.byName.values()].filter(
      (each) => each.name.startsWith(name + NUL) && !each.name.startsWith(policies),
    );
  }

  /** Ids of what is kept as long as a database's own rows. */
  private followers(database: Database): number[] {
    return this.companions(database)
      .filter(({ settings }) => settings.retentionMs !== 0)
      .map(({ id }) => id);
  }

  private newPolicy(
    name: string,
    { retentionMs = 0, shardDurationMs = 0, replication = 1 }: PolicyChange,
    id: number,
  ): { policy: PolicyEntry; settings: DatabaseSettings } {
    checkDurations(retentionMs, shardDurationMs);
    const settled = settledShardDuration(shardDurationMs, retentionMs);
    const partitionDurationSec = partitionDurationFor(
      settled,
      shardDurationMs !== 0,
      this.defaults.partitionDurationSec,
    );
    return {
      policy: { name, id, replication, shardDurationMs: settled },
      settings: { partitionDurationSec, retentionMs },
    };
  }

  /** An entry's policies as they are to be written, with what was so far left to defaults. */
  private writtenPolicies(entry: CatalogEntry): PolicyEntry[] {
    return policiesOf(entry).map((policy) => ({
      ...policy,
      shardDurationMs: policy.shardDurationMs ?? shardDurationFor(this.retentionMs(this.opened(policy.id))),
    }));
  }

  private write(databases: readonly CatalogEntry[], nextId = this.catalog.content.nextId): void {
    this.catalog.replace({ nextId, databases });
    this.noteEntries();
  }

  private noteEntries(): void {
    this.entries = new Map(this.catalog.entries().map((entry) => [entry.name, entry]));
  }

  private applySettings(): void {
    for (const { id, settings } of this.catalog.entries()) this.byId.get(id)?.changeSettings(settings);
  }

  /** The database of an entry; where its directory could not be made when the entry was, it is now. */
  private opened(id: number): Database {
    return this.byId.get(id) ?? this.open(this.catalog.entries().find((entry) => entry.id === id)!);
  }

  private open(entry: CatalogEntry): Database {
    const database = new Database(this.fs, `${this.directory}/${entry.id}`, entry, this.log);
    this.byName.set(entry.name, database);
    this.byId.set(entry.id, database);
    return database;
  }

  /** Lets go of databases that are out of the catalog, and of their directories. */
  private close(gone: readonly Database[]): void {
    for (const database of gone) {
      this.byName.delete(database.name);
      this.byId.delete(database.id);
    }
    for (const database of gone) {
      try {
        database.discard();
        this.fs.removeTree(database.directory);
      } catch (error) {
        const { message } = error as Error;
        this.log('error', `cannot remove ${database.directory}: ${message}; the next start removes it`);
      }
    }
  }

  /**
   * Removes directories that no entry names: a crash came between the end of a database and that of its files. Ids that
   * the catalog has not given yet are of a newer one than this; nothing may be lost or mixed up because an old one was
   * put back, so those directories stay, and their ids are not given again.
   */
  private removeOrphans(): void {
    const { nextId, databases } = this.catalog.content;
    const known = new Set(databases.map(({ id }) => id));
    let free = nextId;
    for (const name of this.fs.list(this.directory)) {
      const id = Number(name);
      if (!Number.isSafeInteger(id) || known.has(id)) continue;
      const path = `${this.directory}/${name}`;
      if (id < nextId) {
        this.log('info', `removing ${path}, left over from a database that was dropped`);
        this.fs.removeTree(path);
      } else {
        this.log('error', `${path} is of a database that the catalog does not know; it is left alone`);
        free = Math.max(free, id + 1);
      }
    }
    if (free > nextId) this.catalog.replace({ nextId: free, databases });
  }
}

/** The policies of an entry; one that never had any other has the first. */
function policiesOf(entry: CatalogEntry): readonly PolicyEntry[] {
  return entry.policies ?? [{ name: FIRST_POLICY, id: entry.id, replication: 1, shardDurationMs: null }];
}

function defaultPolicyOf(entry: CatalogEntry): string {
  return entry.defaultPolicy ?? FIRST_POLICY;
}

function invalidName(): VarveError {
  return new VarveError('bad_request', 'invalid name');
}
