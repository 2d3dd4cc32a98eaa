// Texts of JSON into what node holds, which is written in another way: {"name": text} gives {"name": value}.
import {readFileSync} from "node:fs";

const texts = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, JSON.parse(text)]))));
