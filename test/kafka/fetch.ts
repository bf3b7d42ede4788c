import { kafkaJars, kafkaVersions } from './classpath.ts'

// Before the tests where nothing is fetched yet: how long the network takes is no part of their time, and one Maven at a time
// fills its repository.
for (const version of kafkaVersions) await kafkaJars(version)
