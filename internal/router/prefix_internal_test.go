package router

import (
	"encoding/json"
	"testing"
)

func TestPrefixOfBody(t *testing.T) {
	t.Parallel()
	first := `{"max_tokens":5,"system":"Be kind.","messages":[{"role":"user","content":"Hello, \"you\" ]"}],"temperature":0.5}`
	key, ok := prefixOfBody([]byte(first))
	if !ok {
		t.Fatal("found no conversation")
	}
	for body, same := range map[string]bool{
		`{"max_tokens":9,"system":"Be kind.","messages":[{"role":"user","content":"Hello, \"you\" ]"},{"role":"assistant","content":"Hi"}]}`:      true,
		` { "temperature" : -1.5e3 , "x":[1,{"messages":2}],"system":"Be kind." ,"messages": [ {"role":"user","content":"Hello, \"you\" ]"} ] } `: true,
		`{"system":"Be rude.","messages":[{"role":"user","content":"Hello, \"you\" ]"}]}`:                                                         false,
		`{"system":"Be kind.","messages":[{"role":"user","content":"Hello"}]}`:                                                                    false,
		`{"system":"Be kind.","tools":[{"name":"look"}],"messages":[{"role":"user","content":"Hello, \"you\" ]"}]}`:                               false,
	} {
		if got, ok := prefixOfBody([]byte(body)); !ok || (got == key) != same {
			t.Errorf("%s: the same key: %t, want %t", body, got == key, same)
		}
	}
	for _, body := range []string{"", "[]", "{", `{"prompt":"x"}`, `{"messages":"x"}`, `{"messages"`, `"messages"`, `{"a":"`, `{"messages":[}`} {
		prefixOfBody([]byte(body)) // whatever it says, it ends
	}
}

// FuzzPrefixOfBody: it ends for every body, and white space does not count.
func FuzzPrefixOfBody(f *testing.F) {
	f.Add([]byte(`{"system":[{"text":"a"}],"messages":[{"role":"user","content":"x"}]}`))
	f.Add([]byte(`{"messages":[[[{"a":"\\"}]]],"tools":null}`))
	f.Add([]byte("{\"a\"\x00:}"))
	f.Fuzz(func(t *testing.T, body []byte) {
		key, ok := prefixOfBody(body)
		if !json.Valid(body) {
			return
		}
		around := append(append([]byte(" \n"), body...), " \t"...)
		if again, found := prefixOfBody(around); again != key || found != ok {
			t.Errorf("white space around it counts: %d and %d", key, again)
		}
	})
}
