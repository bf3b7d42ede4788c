import { execFile, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { packageRoot } from '../../core/package-root.ts'

const run = promisify(execFile)

/** The oldest and the newest line of brokers that are tested. */
export const kafkaVersions = ['3.9.1', '4.1.1'] as const
export type KafkaVersion = (typeof kafkaVersions)[number]

/**
 * Why Kafka cannot be started here: the tools that are missing. In the gate (`DRIFTLINE_KAFKA=required`) nothing is missing
 * that a test may be skipped for.
 */
export function whyNoKafka(): string | undefined {
  if (process.env.DRIFTLINE_KAFKA === 'required') return undefined
  const missing = ['java', 'mvn'].filter((tool) => spawnSync(tool, ['-version']).error !== undefined)
  return missing.length === 0 ? undefined : `skipped: ${missing.join(' and ')} not found`
}

const copyPlugin = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies'

/**
 * The folder with the jars of a Kafka release, resolved from Maven Central once and kept in `$DRIFTLINE_KAFKA_CACHE`
 * (default `~/.cache/driftline-kafka`).
 *
 * @throws Error that says what is missing: Java 17 or newer, Maven, or its repository
 */
export async function kafkaJars(version: KafkaVersion): Promise<string> {
  const cache = process.env.DRIFTLINE_KAFKA_CACHE ?? join(homedir(), '.cache/driftline-kafka')
  const folder = join(cache, version)
  if (existsSync(folder)) return folder
  await mkdir(cache, { recursive: true })
  const partial = await mkdtemp(join(cache, `.${version}-`))
  try {
    const pom = join(packageRoot, 'test/kafka/pom.xml')
    const target = [`-Dkafka.version=${version}`, '-DincludeScope=runtime', `-DoutputDirectory=${partial}`]
    await run('mvn', ['-q', '-B', '-f', pom, copyPlugin, ...target])
    await rename(partial, folder)
  } catch (error) {
    await rm(partial, { recursive: true, force: true })
    if (existsSync(folder)) return folder // another process was faster
    const reason = `Kafka ${version} could not be resolved: these tests need Java 17, Maven (mvn) and Maven Central`
    throw new Error(reason, { cause: error })
  }
  return folder
}

/** `a.jar:b.jar…`, in a stable order. */
export async function classpath(version: KafkaVersion): Promise<string> {
  const folder = await kafkaJars(version)
  return (await readdir(folder))
    .sort()
    .map((jar) => join(folder, jar))
    .join(':')
}

/** Runs a class of the release to its end, such as one of Kafka's own tools. @returns what it printed */
export async function runJava(
  version: KafkaVersion,
  main: string,
  args: readonly string[],
  input?: string,
): Promise<string> {
  const options = { maxBuffer: 64 * 1024 * 1024 }
  const running = run('java', [...javaOptions, '-cp', await classpath(version), main, ...args], options)
  running.child.stdin?.end(input ?? '')
  const { stdout } = await running
  return stdout
}

/** Small and quick to start: a broker of a test serves megabytes. */
export const javaOptions: readonly string[] = [
  '-Xmx256m',
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-Xshare:auto',
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
  '-Dorg.slf4j.simpleLogger.showDateTime=true',
]
