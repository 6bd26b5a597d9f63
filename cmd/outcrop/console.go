package main

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/outcrop/outcrop/internal/app"
)

func (e *environment) consoleCommand() *cobra.Command {
	var user, address string
	cmd := &cobra.Command{
		Use: "console", Short: "Print a link that signs in to the console", Args: noArgs,
		Long: "The link signs in once, within 15 minutes: as root, or as the user of --user.\n" +
			"Who may write into the data folder may make one; nobody has to know a key.",
		Example: "  outcrop console\n  outcrop console --user alice --url https://bedrock.example.com",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if u, err := url.Parse(address); address != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
				return usage(errors.New("--url is the address of the server as the browser has it, such as https://bedrock.example.com"))
			}
			cfg, err := e.load()
			if err != nil {
				return err
			}
			link, err := app.NewConsoleLink(cmd.Context(), cfg, e.getenv, user, address)
			if err != nil {
				return err
			}
			if _, err := fmt.Fprintln(e.stdout, link.URL); err != nil {
				return err
			}
			if !link.Expires.IsZero() {
				_, err = fmt.Fprintf(e.stderr, "good once, until %s\n", link.Expires.Local().Format(time.DateTime))
			}
			return err
		},
	}
	cmd.Flags().StringVar(&user, "user", "", "name of the user to sign in as; root when empty")
	cmd.Flags().StringVar(&address, "url", "", "address of the server as the browser has it, where it is not that of this machine")
	return cmd
}

// terminal reports whether a person reads what is written to the standard error,
// and no log keeps it.
func (e *environment) terminal() bool {
	f, ok := e.stderr.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
