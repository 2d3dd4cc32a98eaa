// Texts of workflows into what GitHub's own parser holds: {"name": text} gives {"name": {value, errors}}.
// An expression that needs nothing of a run is evaluated; any other is {"expression": its text}.
import {readFileSync} from "node:fs";
import {register} from "node:module";

// The parser imports its schema as bundlers understand it: here its JSON becomes a module. And its lexer reads only the
// first '' of a literal as ', where GitHub's runner reads every one.
const hook = `
import {readFileSync} from "node:fs";
const module = (source) => ({format: "module", shortCircuit: true, source});
const text = (url) => readFileSync(new URL(url), "utf8");
export const load = (url, context, next) => {
  if (url.endsWith(".json")) return module("export default " + text(url));
  if (url.endsWith("/expressions/dist/lexer.js")) return module(text(url).replace("value.replace(", "value.replaceAll("));
  return next(url, context);
};
`;
register("data:text/javascript," + encodeURIComponent(hook));
const {data, Evaluator, Lexer, Parser} = await import("@actions/expressions");
const {convertWorkflowTemplate, isBasicExpression, isMapping, isSequence, NoOperationTraceWriter, parseWorkflow} = await import(
  "@actions/workflow-parser"
);

function evaluated(text) {
  let tree;
  try {
    tree = new Parser(new Lexer(text).lex().tokens, [], []).parse();
  } catch {
    return {expression: text};
  }
  return new Evaluator(tree, new data.Dictionary()).evaluate().coerceString();
}

function plain(token) {
  if (isMapping(token)) {
    const entries = [];
    for (let at = 0; at < token.count; at++) entries.push([plain(token.get(at).key), plain(token.get(at).value)]);
    return Object.fromEntries(entries);
  }
  if (isSequence(token)) {
    const items = [];
    for (let at = 0; at < token.count; at++) items.push(plain(token.get(at)));
    return items;
  }
  return isBasicExpression(token) ? evaluated(token.expression) : token.value ?? null;
}

const found = {};
for (const [name, content] of Object.entries(JSON.parse(readFileSync(0, "utf8")))) {
  const result = parseWorkflow({name, content}, new NoOperationTraceWriter());
  await convertWorkflowTemplate(result.context, result.value);
  found[name] = {value: result.value && plain(result.value), errors: result.context.errors.getErrors().map((error) => error.message)};
}
process.stdout.write(JSON.stringify(found));
