package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/outcrop/outcrop/internal/app"
	"github.com/outcrop/outcrop/internal/authz"
	"github.com/outcrop/outcrop/internal/call"
	"github.com/outcrop/outcrop/internal/policy"
)

func (e *environment) iamCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "iam", Short: "Explain who may do what", Args: noArgs,
		Long: "Users, groups, roles and policies are made with the AWS CLI (aws iam …) or any SDK. These commands read the data directory, also beside a running server.",
	}
	cmd.AddCommand(e.iamExplainCommand(), e.iamActionsCommand())
	return cmd
}

// errDenied ends a command whose answer was no, as scripts want to know.
var errDenied = &exitError{code: 3}

func (e *environment) iamExplainCommand() *cobra.Command {
	var principal, action, resource, region string
	var values []string
	var asJSON bool
	cmd := &cobra.Command{
		Use: "explain", Short: "Show whether a caller may do something, and which statements say so", Args: noArgs,
		Long: "The action is one of IAM's (bedrock:InvokeModel) or an operation (Converse), which stands for every permission that it needs. The exit code is 0 when all are allowed and 3 when one is denied.",
		Example: "  outcrop iam explain --principal alice --action Converse --resource amazon.nova-lite-v1:0\n" +
			"  outcrop iam explain --principal role/reader --action s3:GetObject --resource arn:aws:s3:::docs/a.txt --context aws:SourceVpce=vpce-1",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if principal == "" || action == "" {
				return usage(errors.New("name who and what with --principal and --action"))
			}
			context, err := contextValues(values)
			if err != nil {
				return usage(err)
			}
			cfg, err := e.load()
			if err != nil {
				return err
			}
			a, err := app.OpenAuthorization(cmd.Context(), cfg, e.getenv, slog.New(slog.NewTextHandler(e.stderr, nil)))
			if err != nil {
				return err
			}
			defer a.Close() //nolint:errcheck // it was read alone
			who, err := a.Principal(cmd.Context(), cfg.Account, principal)
			if err != nil {
				return err
			}
			if region == "" {
				region = cfg.Region
			}
			c := &call.Call{Account: cfg.Account, Region: region, Principal: who, Source: requestSource(context)}
			list, err := a.Explain(cmd.Context(), c, action, resource, context)
			if err != nil {
				return err
			}
			if asJSON {
				err = printJSON(e.stdout, who.ARN, list)
			} else {
				err = printExplanations(e.stdout, who.ARN, list)
			}
			for _, x := range list {
				if err == nil && !x.Decision.Allowed {
					err = errDenied
				}
			}
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&principal, "principal", "", "who: a user's or role's name or ARN, or root")
	f.StringVar(&action, "action", "", "what: an action or an operation")
	f.StringVar(&resource, "resource", "*", "on what: an ARN, a model ID, or the name that the operation takes")
	f.StringVar(&region, "in", "", "region of the request; the configured one when empty")
	f.StringArrayVar(&values, "context", nil, "a condition key of the request, key=value; may be given more than once, also for one key")
	f.BoolVar(&asJSON, "json", false, "write JSON")
	return cmd
}

// contextValues reads key=value.
func contextValues(pairs []string) (map[string][]string, error) {
	values := map[string][]string{}
	for _, pair := range pairs {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || !strings.Contains(key, ":") {
			return nil, fmt.Errorf("%q is not a condition key with a value, as aws:SourceIp=10.0.0.1", pair)
		}
		key = strings.ToLower(key)
		values[key] = append(values[key], value)
	}
	return values, nil
}

// requestSource is where the request would come from: the endpoint's policy has a say.
func requestSource(values map[string][]string) call.Source {
	var s call.Source
	if v := values["aws:sourcevpce"]; len(v) > 0 {
		s.Endpoint = v[0]
	}
	if v := values["aws:sourceip"]; len(v) > 0 {
		s.IP, _ = netip.ParseAddr(v[0]) // the value itself is what policies see
	}
	return s
}

func printExplanations(w io.Writer, who string, list []authz.Explanation) error {
	var b strings.Builder
	if len(list) == 0 {
		b.WriteString("allowed: the operation needs no permission\n")
	}
	for i, x := range list {
		if i > 0 {
			b.WriteByte('\n')
		}
		d := &x.Decision
		if d.Allowed {
			fmt.Fprintf(&b, "allowed: %s may perform %s on %s\n", who, x.Action, x.Resource)
		} else {
			fmt.Fprintf(&b, "denied: %s\n", x.Text)
		}
		decided := d.Deciding()
		for j := range d.Matches {
			m := &d.Matches[j]
			mark, effect := " ", "allows"
			if m.Deny {
				effect = "denies"
			}
			if decided == m {
				mark = "*"
			}
			fmt.Fprintf(&b, "%s %s: %s %s, %s\n    %s\n", mark, effect, m.Layer, m.Policy.ID, statementName(m), oneLine(m.Text()))
		}
		switch {
		case len(d.Matches) > 0:
		case d.Allowed:
			b.WriteString("  no policy was asked: the account's root may do everything\n")
		default:
			b.WriteString("  no statement of any policy is about this request\n")
		}
		if len(d.Missing) > 0 {
			fmt.Fprintf(&b, "  condition keys that the request does not have: %s\n", strings.Join(d.Missing, ", "))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func statementName(m *policy.Match) string {
	if m.SID != "" {
		return fmt.Sprintf("statement %d (%s)", m.Statement+1, m.SID)
	}
	return fmt.Sprintf("statement %d", m.Statement+1)
}

// oneLine leaves out what is only layout.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

func printJSON(w io.Writer, who string, list []authz.Explanation) error {
	type match struct {
		Layer     string          `json:"layer"`
		Policy    string          `json:"policy"`
		Type      string          `json:"type,omitempty"`
		Owner     string          `json:"owner,omitempty"`
		Statement int             `json:"statement"` // from 1
		SID       string          `json:"sid,omitempty"`
		Effect    string          `json:"effect"`
		Decisive  bool            `json:"decisive"`
		Text      json.RawMessage `json:"text"`
	}
	type decision struct {
		Principal string   `json:"principal"`
		Action    string   `json:"action"`
		Resource  string   `json:"resource"`
		Allowed   bool     `json:"allowed"`
		Explicit  bool     `json:"explicit"`
		Layer     string   `json:"layer,omitempty"`
		Policy    string   `json:"policy,omitempty"`
		Message   string   `json:"message,omitempty"`
		Matches   []match  `json:"matches"`
		Missing   []string `json:"missingContextKeys"`
	}
	out := make([]decision, 0, len(list))
	for _, x := range list {
		d := x.Decision
		o := decision{
			Principal: who, Action: x.Action, Resource: x.Resource, Allowed: d.Allowed, Explicit: d.Explicit,
			Policy: d.Policy, Message: x.Text, Matches: []match{}, Missing: append([]string{}, d.Missing...),
		}
		if !d.Allowed {
			o.Layer = string(d.By)
		}
		decided := d.Deciding()
		for i := range d.Matches {
			m := &d.Matches[i]
			effect := "Allow"
			if m.Deny {
				effect = "Deny"
			}
			o.Matches = append(o.Matches, match{
				Layer: string(m.Layer), Policy: m.Policy.ID, Type: m.Policy.Type, Owner: m.Policy.Owner, Statement: m.Statement + 1,
				SID: m.SID, Effect: effect, Decisive: decided == m, Text: json.RawMessage(m.Text()),
			})
		}
		out = append(out, o)
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(out)
}

func (e *environment) iamActionsCommand() *cobra.Command {
	return &cobra.Command{
		Use: "actions [OPERATION]", Short: "List the operations with the actions and resources that they need", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			operations, err := app.Operations()
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "SERVICE\tOPERATION\tACTION\tRESOURCE\tWHEN")
			found := false
			for _, o := range operations {
				if len(args) == 1 && !strings.EqualFold(o.Name, args[0]) {
					continue
				}
				found = true
				for _, n := range o.Needs {
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", o.Service, o.Name, n.Action, n.Resource, n.When)
				}
				if len(o.Needs) == 0 {
					fmt.Fprintf(w, "%s\t%s\tnone\t\t\n", o.Service, o.Name)
				}
			}
			if !found {
				return usage(fmt.Errorf("there is no operation %s", args[0]))
			}
			return w.Flush()
		},
	}
}
