// ajv: parses and validates the files of folders in turn, as `jodrell-schema-driver measure` does.
//   node peer.js SECONDS [SCHEMA FOLDER]...
const fs = require("fs");
const Ajv = require("ajv");

const seconds = Number(process.argv[2]);
const cases = [];
for (let at = 3; at < process.argv.length; at += 2) {
  const ajv = new Ajv({ format: "full", unknownFormats: "ignore", logger: false });
  const folder = process.argv[at + 1];
  cases.push({
    validate: ajv.compile(JSON.parse(fs.readFileSync(process.argv[at], "utf8"))),
    events: fs.readdirSync(folder).sort().map((name) => fs.readFileSync(`${folder}/${name}`)),
  });
}
const count = cases.reduce((sum, one) => sum + one.events.length, 0);
const size = cases.reduce((sum, one) => sum + one.events.reduce((s, e) => s + e.length, 0), 0);
const end = Date.now() + 1000 * seconds;
let best = Infinity;
let refused = 0;
do {
  refused = 0;
  const began = process.hrtime.bigint();
  for (const one of cases) {
    for (const event of one.events) {
      if (!one.validate(JSON.parse(event.toString("utf8")))) refused += 1;
    }
  }
  best = Math.min(best, Number(process.hrtime.bigint() - began) / count);
} while (Date.now() < end);
console.log(
  `${count} events, ${refused} refused, ${best.toFixed(0)} ns each, ` +
    `${((size / count / best) * 1000).toFixed(0)} MB/s`);
