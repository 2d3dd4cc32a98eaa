// Command compose loads one Compose file as Docker Compose does and prints what is wrong with it.
// It exits with 1 when something is.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/compose-spec/compose-go/v2/cli"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: compose FILE")
		os.Exit(2)
	}
	if err := load(os.Args[1]); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// load reads the file with every profile switched on, so that no service is left out.
func load(file string) error {
	options, err := cli.NewProjectOptions([]string{file}, cli.WithOsEnv, cli.WithProfiles([]string{"*"}))
	if err != nil {
		return err
	}
	_, err = options.LoadProject(context.Background())
	return err
}
