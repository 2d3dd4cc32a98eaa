// Texts of YAML into what two readers of YAML 1.2 hold: {"name": text} on standard input gives {"name": {reader: documents}}.
import {readFileSync} from "node:fs";
import * as jsYaml from "js-yaml";
import * as yaml from "yaml";

const found = {};
for (const [name, text] of Object.entries(JSON.parse(readFileSync(0, "utf8")))) {
  const documents = yaml.parseAllDocuments(text);
  for (const document of documents) {
    if (document.errors.length || document.warnings.length) {
      throw new Error(`${name}: ${[...document.errors, ...document.warnings].join("; ")}`);
    }
  }
  found[name] = {yaml: documents.map((document) => document.toJS()), "js-yaml": jsYaml.loadAll(text)};
}
process.stdout.write(JSON.stringify(found));
