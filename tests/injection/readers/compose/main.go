// Command compose prints as a list of JSON what Docker Compose's loader holds of files, or of .env files.
// usage: compose FILE..., with the variables in the environment; or: compose --env FILE...
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/dotenv"
)

func main() {
	files, read := os.Args[1:], load
	if len(files) > 0 && files[0] == "--env" {
		files, read = files[1:], func(file string) (any, error) { return dotenv.Read(file) }
	}
	found := []any{}
	for _, file := range files {
		held, err := read(file)
		if err != nil {
			fmt.Fprintln(os.Stderr, file, err)
			os.Exit(1)
		}
		found = append(found, held)
	}
	if err := json.NewEncoder(os.Stdout).Encode(found); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// load reads the file as if it lay at /project.
func load(file string) (any, error) {
	options, err := cli.NewProjectOptions([]string{file}, cli.WithOsEnv, cli.WithWorkingDirectory("/project"))
	if err != nil {
		return nil, err
	}
	return options.LoadProject(context.Background())
}
