package audit_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	apibedrock "github.com/outcrop/outcrop/internal/api/bedrock"
	apiagent "github.com/outcrop/outcrop/internal/api/bedrockagent"
	apiagentruntime "github.com/outcrop/outcrop/internal/api/bedrockagentruntime"
	apiruntime "github.com/outcrop/outcrop/internal/api/bedrockruntime"
	apice "github.com/outcrop/outcrop/internal/api/ce"
	apicloudwatch "github.com/outcrop/outcrop/internal/api/cloudwatch"
	apiiam "github.com/outcrop/outcrop/internal/api/iam"
	apiquotas "github.com/outcrop/outcrop/internal/api/servicequotas"
	apists "github.com/outcrop/outcrop/internal/api/sts"
	"github.com/outcrop/outcrop/internal/audit"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// secretMembers are those that the models do not mark, as this test knows them.
var secretMembers = map[string]bool{
	"SessionToken": true, "TokenCode": true, "EncodedMessage": true, "AuthenticationCode1": true, "AuthenticationCode2": true,
	"SecretAccessKey": true, "Password": true, "ServicePassword": true, "ServiceCredentialSecret": true, "PrivateKey": true,
	"WebIdentityToken": true, "SAMLAssertion": true, "OldPassword": true, "NewPassword": true,
}

// filler fills values so that everything that is secret says so.
type filler struct {
	secrets int
	depth   int
}

func (f *filler) fill(s *schema.Shape, rv reflect.Value, secret bool) {
	f.depth++
	defer func() { f.depth-- }()
	secret = secret || s.Sensitive || s.Kind == schema.Blob || s.Kind == schema.Document
	if f.depth > 12 {
		return // shapes that contain themselves
	}
	if rv.Kind() == reflect.Pointer {
		rv.Set(reflect.New(rv.Type().Elem()))
		rv = rv.Elem()
	}
	switch {
	case rv.Type() == reflect.TypeFor[time.Time]():
		rv.Set(reflect.ValueOf(noon))
	case s.Kind == schema.Structure || s.Kind == schema.Union:
		for _, m := range s.Members {
			if !m.Shape.EventStream {
				f.fill(m.Shape, rv.Field(m.Field), secret || m.Sensitive || secretMembers[m.Name])
			}
		}
	case s.Kind == schema.List:
		rv.Set(reflect.MakeSlice(rv.Type(), 1, 1))
		f.fill(s.Value.Shape, rv.Index(0), secret || s.Value.Sensitive)
	case s.Kind == schema.Map:
		key, value := reflect.New(rv.Type().Key()).Elem(), reflect.New(rv.Type().Elem()).Elem()
		f.fill(s.Key.Shape, key, secret || s.Key.Sensitive)
		f.fill(s.Value.Shape, value, secret || s.Value.Sensitive)
		rv.Set(reflect.MakeMap(rv.Type()))
		rv.SetMapIndex(key, value)
	case rv.Kind() == reflect.String:
		rv.SetString("public")
		if secret {
			f.secrets++
			rv.SetString("TOPSECRET")
		}
	case rv.Kind() == reflect.Slice: // bytes
		rv.SetBytes([]byte(`"TOPSECRET"`))
	case rv.CanInt():
		rv.SetInt(1)
	case rv.CanFloat():
		rv.SetFloat(1)
	case rv.Kind() == reflect.Bool:
		rv.SetBool(true)
	}
}

// No operation of any service leaves a secret in the trail, whatever its input
// and output hold.
func TestNoSecretOfAnyOperation(t *testing.T) {
	t.Parallel()
	tr := newTrail(t, audit.Invocations, audit.KnowledgeBases)
	f, operations := &filler{}, 0
	for _, s := range []*schema.Service{
		apibedrock.Schema(), apiagent.Schema(), apiagentruntime.Schema(), apiruntime.Schema(), apice.Schema(), apicloudwatch.Schema(),
		apiiam.Schema(), apiquotas.Schema(), apists.Schema(),
	} {
		for _, op := range s.Operations {
			v := view(t, s, op.Name)
			v.Input, v.Output = op.Input.New(), op.Output.New()
			f.fill(op.Input, reflect.ValueOf(v.Input).Elem(), false)
			f.fill(op.Output, reflect.ValueOf(v.Output).Elem(), false)
			tr.exchange(v)
			operations++
		}
	}
	text := tr.text(t)
	if n := strings.Count(text, "\n"); n != operations || f.secrets < 100 {
		t.Fatalf("got %d events of %d operations with %d secrets", n, operations, f.secrets)
	}
	for _, secret := range []string{"TOPSECRET", "IlRPUFNFQ1JFVCI"} { // plain, and as base64
		if i := strings.Index(text, secret); i >= 0 {
			begin := strings.LastIndex(text[:i], "\n") + 1
			_, name, _ := strings.Cut(text[begin:], `"eventName":`)
			t.Errorf("%.60s: got %s", name, text[max(begin, i-200):i+20])
		}
	}
	for _, want := range []string{`"credentials":{"accessKeyId":"public"`, `"serviceCredentialSecret":"HIDDEN_DUE_TO_SECURITY_REASONS"`, `"userName":"public"`} {
		if !strings.Contains(text, want) {
			t.Errorf("got no %s: the trail hides too much", want)
		}
	}
}
