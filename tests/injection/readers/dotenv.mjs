// Texts of .env files into the variables that the package dotenv reads: {"name": text} gives {"name": variables}.
import {readFileSync} from "node:fs";
import {parse} from "dotenv";

const texts = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, parse(text)]))));
