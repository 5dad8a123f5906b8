// Puts empty jobs into graphile-worker's queue, handles them all, and prints one line of JSON: events, seconds, cpu.
import process from "node:process";
import { pathToFileURL } from "node:url";
import { createRequire } from "node:module";

const [modules, url, jobs, concurrentJobs, queue] = process.argv.slice(2);
const require = createRequire(pathToFileURL(`${modules}/package.json`));
const { Logger, run, runMigrations } = await import(pathToFileURL(require.resolve("graphile-worker")));
const { default: pg } = await import(pathToFileURL(require.resolve("pg")));

const count = Number(jobs);
const pool = new pg.Pool({ connectionString: url, max: Number(concurrentJobs) + 1 });
pool.on("error", () => {});
const worker = {
  concurrentJobs: Number(concurrentJobs),
  maxPoolSize: Number(concurrentJobs) + 1,
  localQueue: { size: Number(queue) },
  completeJobBatchDelay: 0,
  failJobBatchDelay: 0,
  logger: new Logger(() => () => {}),
};
const add = `SELECT graphile_worker.add_jobs(ARRAY(
  SELECT ('empty', json_build_object('id', s), NULL, now(), 25, NULL, 0, NULL)::graphile_worker.job_spec
  FROM generate_series(1, $1) s))`;
await runMigrations({ pgPool: pool, preset: { worker } });
for (let left = count; left > 0; left -= 1000) await pool.query(add, [Math.min(left, 1000)]);
await pool.query("VACUUM ANALYZE graphile_worker._private_jobs");

let handled = 0;
let last;
const all = new Promise((resolve) => (last = resolve));
const taskList = { empty: () => { if (++handled === count) last(); } };
const began = process.hrtime.bigint();
const before = process.cpuUsage();
const runner = await run({ preset: { worker }, pgPool: pool, taskList });
await all;
for (;;) { // a job is handled when its row is gone
  const { rows } = await pool.query("SELECT EXISTS (SELECT FROM graphile_worker._private_jobs) AS left");
  if (!rows[0].left) break;
  await new Promise((resolve) => setTimeout(resolve, 5));
}
const seconds = Number(process.hrtime.bigint() - began) / 1e9;
const { user, system } = process.cpuUsage(before);
await runner.stop();
await pool.end();
console.log(JSON.stringify({ events: handled, seconds, cpu: (user + system) / 1e6 }));
