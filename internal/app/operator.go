package app

import (
	"encoding/json"
	"io"
	"net/http"

	"github.com/outcrop/outcrop/internal/config"
	"github.com/outcrop/outcrop/internal/fault"
)

// The paths for operators, which outcrop routes and outcrop reload ask.
const (
	RoutesPath = "/outcrop/routes"
	ReloadPath = "/outcrop/reload"
)

// operatorAction is what a signed request needs for them: AdministratorAccess has
// it, policies that name services do not.
const operatorAction = "outcrop:Operate"

// operators are the handlers for those who run the server.
func (a *App) operators() map[string]http.Handler {
	return map[string]http.Handler{
		"GET " + RoutesPath: a.operator(func(r *http.Request) (any, error) {
			query := r.URL.Query()
			model := query.Get("model")
			if model == "" {
				return a.router.Status(), nil
			}
			region := query.Get("region")
			if region == "" {
				region = a.p.Config.Region
			}
			return a.router.Explain(model, region, a.p.Config.Account)
		}),
		"POST " + ReloadPath: a.operator(func(*http.Request) (any, error) {
			done, err := a.Reload()
			if err != nil {
				return nil, fault.Wrap(fault.Invalid, err, "The configuration was not reloaded, and what was in force stays: %s", err.Error())
			}
			return done, nil
		}),
	}
}

// operator answers with JSON those who may do everything: by their signature, or
// where authentication is off, from this machine.
func (a *App) operator(answer func(r *http.Request) (any, error)) http.Handler {
	signatures := newAuthenticator(a.p.Config, a.credentials, a.catalog.HasRegion, a.p.Now)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxControl))
		if err != nil {
			tell(w, http.StatusRequestEntityTooLarge, map[string]string{"message": "The body is too large or did not come."})
			return
		}
		switch {
		case a.p.Config.Auth == config.Off && local(r):
		case a.p.Config.Auth == config.Off:
			err = fault.New(fault.Denied, "Call this from the machine that the server runs on.")
		default:
			err = a.administrator(signatures, r, body, operatorAction)
		}
		if err != nil {
			tell(w, http.StatusForbidden, map[string]string{"message": fault.As(err).Message})
			return
		}
		made, err := answer(r)
		if err != nil {
			status := http.StatusBadRequest
			if fault.Is(err, fault.NotFound) {
				status = http.StatusNotFound
			}
			tell(w, status, map[string]string{"message": fault.As(err).Message})
			return
		}
		tell(w, http.StatusOK, made)
	})
}

func tell(w http.ResponseWriter, status int, answer any) {
	text, err := json.Marshal(answer)
	if err != nil {
		http.Error(w, "the answer cannot be written", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text) // a client that is gone reads nothing
}
