package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/outcrop/outcrop/internal/app"
	"github.com/outcrop/outcrop/internal/client"
	"github.com/outcrop/outcrop/internal/operator"
	"github.com/outcrop/outcrop/internal/router"
)

func (e *environment) routesCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "routes", Short: "Show which backends answer for which models, and how they do", Args: noArgs,
		Long: "Asks the running server. Where none runs, the routes of the configuration are shown, of which nothing is\n" +
			"known yet. The counts are since the start of each backend; see docs/ROUTING.md.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			var status router.Status
			running, err := e.ask(cmd.Context(), http.MethodGet, operator.RoutesPath, &status)
			if err != nil {
				return err
			}
			if !running {
				routes, err := e.configuredRoutes()
				if err != nil {
					return err
				}
				status = *routes.Status()
			}
			if asJSON {
				return (&kb{environment: e}).printJSON(status)
			}
			return printRoutes(e.stdout, &status, running)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "write JSON")
	cmd.AddCommand(e.routesTestCommand())
	return cmd
}

func (e *environment) routesTestCommand() *cobra.Command {
	var region string
	var asJSON bool
	cmd := &cobra.Command{
		Use: "test MODEL-ID", Short: "Say who would answer for a model ID, a profile or an ARN, and why", Args: oneArg,
		Long:    "Asks nobody for an answer: it looks the identifier up as a request would be.",
		Example: "  outcrop routes test us.anthropic.claude-sonnet-4-20250514-v1:0 --region us-west-2",
		RunE: func(cmd *cobra.Command, args []string) error {
			var found router.Explanation
			query := url.Values{"model": {args[0]}}
			if region != "" {
				query.Set("region", region)
			}
			running, err := e.ask(cmd.Context(), http.MethodGet, operator.RoutesPath+"?"+query.Encode(), &found)
			if err != nil {
				return err
			}
			if !running {
				explained, err := e.explain(args[0], region)
				if err != nil {
					return err
				}
				found = *explained
			}
			if asJSON {
				return (&kb{environment: e}).printJSON(found)
			}
			return printExplanation(e.stdout, &found)
		},
	}
	cmd.Flags().StringVar(&region, "region", "", "region of the request (default: the configured one)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "write JSON")
	return cmd
}

func (e *environment) reloadCommand() *cobra.Command {
	return &cobra.Command{
		Use: "reload", Short: "Have the running server read its configuration again", Args: noArgs,
		Long: "Backends, routes, routing and defaults are replaced without a restart, as after a SIGHUP; requests that run\n" +
			"finish where they are. A configuration that cannot be used changes nothing.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			var done app.Reloaded
			running, err := e.ask(cmd.Context(), http.MethodPost, operator.ReloadPath, &done)
			if err != nil {
				return err
			}
			if !running {
				return errors.New("no server runs on this data directory")
			}
			fmt.Fprintf(e.stdout, "reloaded: %d routes\n", done.Routes)
			for _, line := range []struct {
				what string
				list []string
			}{{"started", done.Started}, {"stopped, when their last request is over", done.Stopped}, {"hold only after a restart", done.Restart}} {
				if len(line.list) > 0 {
					fmt.Fprintf(e.stdout, "%s: %s\n", line.what, strings.Join(line.list, ", "))
				}
			}
			return nil
		},
	}
}

// ask calls a path for operators. running is false where no server is there.
func (e *environment) ask(ctx context.Context, method, path string, out any) (running bool, err error) {
	access, err := e.client(false)
	if err != nil {
		return false, err
	}
	c := client.New(client.Params{Endpoint: access.endpoint, Region: access.region, AccessKeyID: access.root.AccessKeyID, SecretAccessKey: access.root.Secret})
	err = c.Call(ctx, method, path, nil, out)
	var refused *client.Error
	switch {
	case errors.Is(err, client.ErrNoServer):
		return false, nil
	case errors.As(err, &refused) && refused.Message != "":
		return true, errors.New(refused.Message)
	}
	return true, err
}

// configuredRoutes are those of the configuration.
func (e *environment) configuredRoutes() (*router.Router, error) {
	cfg, err := e.load()
	if err != nil {
		return nil, err
	}
	return app.Routes(cfg)
}

func (e *environment) explain(model, region string) (*router.Explanation, error) {
	cfg, err := e.load()
	if err != nil {
		return nil, err
	}
	routes, err := app.Routes(cfg)
	if err != nil {
		return nil, err
	}
	if region == "" {
		region = cfg.Region
	}
	return routes.Explain(model, region, cfg.Account)
}

func printRoutes(out io.Writer, s *router.Status, running bool) error {
	if !running {
		fmt.Fprintln(out, "No server runs: these are the routes of the configuration.")
	}
	health := map[string]string{}
	for _, b := range s.Backends {
		health[b.Name] = b.Health
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "MATCH\tMODEL\tTIER\tSHARE\tHEALTH\tBREAKER\tREQUESTS\tFAILURES\tTHROTTLES\tRETRIES\tFALL-BACKS")
	for _, route := range s.Routes {
		match := route.Match
		for _, c := range route.Candidates {
			backend, _, _ := strings.Cut(c.Model, "/")
			fmt.Fprintf(w, "%s\t%s\t%d\t%.0f%%\t%s\t%s\t%d\t%d\t%d\t%d\t%d\n", match, c.Model, c.Tier, 100*c.Share, health[backend], breaker(&c),
				c.Requests, c.Failures, c.Throttles, c.Retries, c.Fallbacks)
			match = ""
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, b := range s.Backends {
		if b.LastError != "" {
			fmt.Fprintf(out, "%s does not answer its probe: %s\n", b.Name, b.LastError)
		}
	}
	return nil
}

// breaker says whether a candidate is passed over, and for whom. A caller's own
// failures open it for them alone; without the number of such callers, "closed"
// would stand beside requests that are refused.
func breaker(c *router.CandidateStatus) string {
	switch {
	case c.Callers == 0 || c.Breaker != "closed":
		return c.Breaker
	case c.Callers == 1:
		return "open for 1 caller"
	}
	return fmt.Sprintf("open for %d callers", c.Callers)
}

func printExplanation(out io.Writer, e *router.Explanation) error {
	asked := e.ModelID
	if e.ProfileID != "" {
		asked = e.ProfileID + ", a profile of " + e.ModelID
	}
	fmt.Fprintf(out, "%s\nbilled as %s\n", asked, e.ARN)
	if e.Route == "" {
		fmt.Fprintln(out, "no route matches: the default answers")
	} else {
		fmt.Fprintf(out, "the route %s matches first\n", e.Route)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "TIER\tMODEL\tSHARE\tNOW")
	first := true
	for _, c := range e.Candidates {
		now := "would be asked if those before it fail"
		switch {
		case !c.Available:
			now = "is passed over: breaker " + c.Breaker
		case first || c.Tier == e.Candidates[0].Tier:
			now = "would be asked"
		}
		if c.Available && c.Callers > 0 {
			now += "; breaker " + breaker(&c)
		}
		first = first && !c.Available
		fmt.Fprintf(w, "%d\t%s\t%.0f%%\t%s\n", c.Tier, c.Model, 100*c.Share, now)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if e.StandIn {
		fmt.Fprintln(out, "it stands in for the model that was asked for")
	}
	if len(e.Candidates) < 2 {
		return nil
	}
	if e.Sticky {
		fmt.Fprintln(out, "within a tier the beginning of a conversation decides, so that its turns stay together")
	} else {
		fmt.Fprintln(out, "within a tier chance decides, by weight")
	}
	after := "never"
	if len(e.Fallback) > 0 {
		after = "after " + strings.Join(e.Fallback, ", ")
	}
	fmt.Fprintf(out, "the next candidate is asked %s\n", after)
	return nil
}

// reloadOnHangup has the server read its configuration again for each SIGHUP,
// until stop is called.
func reloadOnHangup(a *app.App) (stop func()) {
	hangups, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(hangups, syscall.SIGHUP)
	go func() {
		for {
			select {
			case <-done:
				return
			case <-hangups:
				_, _ = a.Reload() // the log says what became of it
			}
		}
	}()
	return func() {
		signal.Stop(hangups)
		close(done)
	}
}
