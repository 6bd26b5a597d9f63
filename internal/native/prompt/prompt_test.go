package prompt

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/outcrop/outcrop/internal/inference"
)

// said writes a conversation in one line: S(system) U(user|part) A(assistant).
func said(c Conversation) string {
	var b strings.Builder
	if c.System != "" {
		b.WriteString("S(" + c.System + ")")
	}
	for _, m := range c.Messages {
		b.WriteString(strings.ToUpper(string(m.Role[:1])) + "(")
		for i, p := range m.Parts {
			if i > 0 {
				b.WriteString("|")
			}
			b.WriteString(p.(inference.Text).Text)
		}
		b.WriteString(")")
	}
	return b.String()
}

func TestParse(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name   string
		text   string
		syntax inference.Syntax
		want   string
	}{
		{"plain", "Tell me a joke", inference.SyntaxPlain, "U(Tell me a joke)"},
		{"plain with edges", "\n Tell me a joke \n", inference.SyntaxPlain, "U(Tell me a joke)"},
		{"empty", "", inference.SyntaxPlain, "U()"},
		{"blank", " \n", inference.SyntaxPlain, "U( \n)"},
		{
			"llama3 as the model card writes it",
			"<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
			inference.SyntaxLlama3, "S(Be brief.)U(Hi)",
		},
		{
			"llama3 with newlines before eot",
			"\n<|begin_of_text|><|start_header_id|>user<|end_header_id|>\nWhat is rock?\n<|eot_id|>\n<|start_header_id|>assistant<|end_header_id|>\n",
			inference.SyntaxLlama3, "U(What is rock?)",
		},
		{
			"llama3 conversation",
			"<|start_header_id|>user<|end_header_id|>\n\na<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nb<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nc<|eot_id|><|start_header_id|>assistant<|end_header_id|>",
			inference.SyntaxLlama3, "U(a)A(b)U(c)",
		},
		{
			"llama3 prefill keeps its end",
			"<|start_header_id|>user<|end_header_id|>\n\na<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nSure: ",
			inference.SyntaxLlama3, "U(a)A(Sure: )",
		},
		{
			"llama3 without eot",
			"<|start_header_id|>system<|end_header_id|>x<|start_header_id|>user<|end_header_id|>y<|start_header_id|>assistant<|end_header_id|>",
			inference.SyntaxLlama3, "S(x)U(y)",
		},
		{
			"llama3 tool output is the user's",
			"<|start_header_id|>user<|end_header_id|>\n\na<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n<|python_tag|>f()<|eom_id|><|start_header_id|>ipython<|end_header_id|>\n\n4<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
			inference.SyntaxLlama3, "U(a)A(<|python_tag|>f())U(4)",
		},
		{
			"llama3 text in front of headers",
			"<|begin_of_text|>Context.<|start_header_id|>user<|end_header_id|>Hi<|eot_id|>",
			inference.SyntaxLlama3, "U(Context.|Hi)",
		},
		{"llama3 header alone", "<|start_header_id|>assistant<|end_header_id|>\n\n", inference.SyntaxLlama3, "U(<|start_header_id|>assistant<|end_header_id|>\n\n)"},
		{"llama3 header cut off", "<|start_header_id|>user<|end_header_id|>Hi<|eot_id|><|start_header_id|>assis", inference.SyntaxLlama3, "U(Hi)"},
		{"llama3 system alone", "<|start_header_id|>system<|end_header_id|>Hi<|eot_id|>", inference.SyntaxLlama3, "U(Hi)"},
		{"llama3 two systems", "<|start_header_id|>system<|end_header_id|>a<|eot_id|><|start_header_id|>system<|end_header_id|>b<|eot_id|><|start_header_id|>user<|end_header_id|>c", inference.SyntaxLlama3, "S(a\n\nb)U(c)"},
		{
			"llama4",
			"<|begin_of_text|><|header_start|>system<|header_end|>\n\nBe brief.<|eot|><|header_start|>user<|header_end|>\n\nHi<|eot|><|header_start|>assistant<|header_end|>\n\n",
			inference.SyntaxLlama4, "S(Be brief.)U(Hi)",
		},
		{"chatml", "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi\nthere<|im_end|>\n<|im_start|>assistant\n", inference.SyntaxChatML, "S(Be brief.)U(Hi\nthere)"},
		{"chatml header without newline", "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant", inference.SyntaxChatML, "U(Hi)"},
		{"chatml prefill", "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nSure,", inference.SyntaxChatML, "U(Hi)A(Sure,)"},
		{"llama2", "<s>[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\nHi [/INST] Hello </s><s>[INST] Bye [/INST]", inference.SyntaxLlama2, "S(Be brief.)U(Hi)A(Hello)U(Bye)"},
		{"llama2 system not closed", "[INST] <<SYS>> Hi [/INST]", inference.SyntaxLlama2, "U(<<SYS>> Hi)"},
		{"mistral", "<s>[INST] Hi [/INST] Hello</s>[INST] Bye [/INST]", inference.SyntaxMistral, "U(Hi)A(Hello)U(Bye)"},
		{"mistral prefill", "<s>[INST] Hi [/INST] Sure, ", inference.SyntaxMistral, "U(Hi)A(Sure, )"},
		{"mistral finished answer", "<s>[INST] Hi [/INST] Sure </s>", inference.SyntaxMistral, "U(Hi)A(Sure)"},
		{"mistral system prompt", "<s>[SYSTEM_PROMPT] Be brief. [/SYSTEM_PROMPT][INST] Hi [/INST]", inference.SyntaxMistral, "S(Be brief.)U(Hi)"},
		{"mistral not closed is plain", "what does [INST] mean?", inference.SyntaxPlain, "U(what does [INST] mean?)"},
		{"deepseek", "<｜begin▁of▁sentence｜>Be brief.<｜User｜>Hi<｜Assistant｜><think>\n", inference.SyntaxDeepSeek, "S(Be brief.)U(Hi)"},
		{"deepseek conversation", "<｜begin▁of▁sentence｜><｜User｜>a<｜Assistant｜><think>\nhm\n</think>\n\nb<｜end▁of▁sentence｜><｜User｜>c<｜Assistant｜>", inference.SyntaxDeepSeek, "U(a)A(b)U(c)"},
		{"deepseek prefill", "<｜User｜>a<｜Assistant｜>Sure, ", inference.SyntaxDeepSeek, "U(a)A(Sure, )"},
		{"deepseek answer alone", "<｜Assistant｜>x<｜User｜>y", inference.SyntaxDeepSeek, "A(x)U(y)"},
		{"human", "\n\nHuman: Hi\n\nAssistant:", inference.SyntaxHuman, "U(Hi)"},
		{"human with system", "Be brief.\n\nHuman: Hi\n\nAssistant: Hello\n\nHuman: Bye\n\nAssistant:", inference.SyntaxHuman, "S(Be brief.)U(Hi)A(Hello)U(Bye)"},
		{"human without newlines in front", "Human: Hi\n\nAssistant:", inference.SyntaxHuman, "U(Hi)"},
		{"human with more newlines", "\n\n\nHuman: Hi\n\n\nAssistant:\n", inference.SyntaxHuman, "U(Hi)"},
		{"human with carriage returns", "\r\n\r\nHuman: Hi\r\n\r\nAssistant:", inference.SyntaxHuman, "U(Hi)"},
		{"human prefill", "\n\nHuman: Hi\n\nAssistant: {\"a\":", inference.SyntaxHuman, "U(Hi)A({\"a\":)"},
		{"human name inside a line", "\n\nHuman: I said Human: and Assistant:\n\nAssistant:", inference.SyntaxHuman, "U(I said Human: and Assistant:)"},
		{"human without assistant is plain", "\n\nHuman: Hi", inference.SyntaxPlain, "U(Human: Hi)"},
		{"assistant before human is plain", "\n\nAssistant: Hi\n\nHuman: x", inference.SyntaxPlain, "U(Assistant: Hi\n\nHuman: x)"},
		{"userbot", "User: Hi\nBot:", inference.SyntaxUserBot, "U(Hi)"},
		{"userbot conversation", "Be brief.\nUser: Hi\nBot: Hello\nUser: Bye\nBot: ", inference.SyntaxUserBot, "S(Be brief.)U(Hi)A(Hello)U(Bye)"},
		{"userbot without bot is plain", "User: Hi", inference.SyntaxPlain, "U(User: Hi)"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := Parse(c.text)
			if got.Syntax != c.syntax {
				t.Errorf("got syntax %q, want %q", got.Syntax, c.syntax)
			}
			if diff := cmp.Diff(c.want, said(got)); diff != "" {
				t.Errorf("conversation differs (-want +got):\n%s", diff)
			}
		})
	}
}

// writers write a conversation as each family's documentation does.
func writers() map[inference.Syntax]func(c Conversation) string {
	headers := func(begin, open, end, stop string) func(c Conversation) string {
		return func(c Conversation) string {
			s := begin
			if c.System != "" {
				s += open + "system" + end + c.System + stop
			}
			for _, m := range c.Messages {
				s += open + string(m.Role) + end + m.Parts[0].(inference.Text).Text + stop
			}
			return s + open + "assistant" + end
		}
	}
	inst := func(c Conversation) string {
		var s string
		for i, m := range c.Messages {
			text := m.Parts[0].(inference.Text).Text
			switch {
			case m.Role == inference.RoleAssistant:
				s += " " + text + " </s>"
			case i == 0 && c.System != "":
				s += "<s>[INST] <<SYS>>\n" + c.System + "\n<</SYS>>\n\n" + text + " [/INST]"
			default:
				s += "<s>[INST] " + text + " [/INST]"
			}
		}
		return s
	}
	names := func(gap, user, assistant string) func(c Conversation) string {
		return func(c Conversation) string {
			s := c.System
			for _, m := range c.Messages {
				name := user
				if m.Role == inference.RoleAssistant {
					name = assistant
				}
				s += gap + name + " " + m.Parts[0].(inference.Text).Text
			}
			return s + gap + assistant
		}
	}
	return map[inference.Syntax]func(c Conversation) string{
		inference.SyntaxLlama3: headers("<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>\n\n", "<|eot_id|>"),
		inference.SyntaxLlama4: headers("<|begin_of_text|>", "<|header_start|>", "<|header_end|>\n\n", "<|eot|>"),
		inference.SyntaxChatML: headers("", "<|im_start|>", "\n", "<|im_end|>\n"),
		inference.SyntaxLlama2: inst,
		inference.SyntaxDeepSeek: func(c Conversation) string {
			s := "<｜begin▁of▁sentence｜>" + c.System
			for _, m := range c.Messages {
				text := m.Parts[0].(inference.Text).Text
				if m.Role == inference.RoleUser {
					s += "<｜User｜>" + text
				} else {
					s += "<｜Assistant｜>" + text + "<｜end▁of▁sentence｜>"
				}
			}
			return s + "<｜Assistant｜><think>\n"
		},
		inference.SyntaxHuman:   names("\n\n", "Human:", "Assistant:"),
		inference.SyntaxUserBot: names("\n", "User:", "Bot:"),
	}
}

func TestParseReadsBackWhatFamiliesWrite(t *testing.T) {
	t.Parallel()
	turns := []string{"What is gneiss?", "A banded rock.\n\nIt is *metamorphic*.", "And schist?", "Foliated.", "日本語 < & > \"quotes\""}
	for syntax, write := range writers() {
		t.Run(string(syntax), func(t *testing.T) {
			t.Parallel()
			for n := 1; n <= len(turns); n += 2 {
				want := Conversation{Syntax: syntax, System: "You know rocks.\nBe brief."}
				for i, text := range turns[:n] {
					role := inference.RoleUser
					if i%2 == 1 {
						role = inference.RoleAssistant
					}
					want.Messages = append(want.Messages, inference.Message{Role: role, Parts: []inference.Part{inference.Text{Text: text}}})
				}
				if diff := cmp.Diff(want, Parse(write(want))); diff != "" {
					t.Errorf("%d turns differ (-want +got):\n%s", n, diff)
				}
			}
		})
	}
}

// TestParseIsLinear would run for hours if a part of the text were looked at
// again for each character.
func TestParseIsLinear(t *testing.T) {
	t.Parallel()
	for _, piece := range []string{" ", "\n", "x", "\n\nHuman:", "User:\n", "[INST]", "<<SYS>>", "<<SYS>>a<</SYS>>", "<|im_start|>", "<|im_start|>system\nx", "<|eot_id|>", "<｜User｜>", "<｜Assistant｜></think>"} {
		Parse(strings.Repeat(piece, 1<<20/len(piece)) + "[/INST]")
	}
}

func TestApply(t *testing.T) {
	t.Parallel()
	const text = "Be brief.\n\nHuman: Hi\n\nAssistant:"
	var got inference.Request
	Parse(text).Apply(&got, text)
	want := inference.Request{
		Prompt:   &inference.Prompt{Text: text, Syntax: inference.SyntaxHuman},
		System:   []inference.Part{inference.Text{Text: "Be brief."}},
		Messages: []inference.Message{{Role: inference.RoleUser, Parts: []inference.Part{inference.Text{Text: "Hi"}}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("request differs (-want +got):\n%s", diff)
	}
	Parse("Hi").Apply(&got, "Hi")
	want = inference.Request{Messages: []inference.Message{{Role: inference.RoleUser, Parts: []inference.Part{inference.Text{Text: "Hi"}}}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("request of a plain prompt differs (-want +got):\n%s", diff)
	}
}

// FuzzParse holds what Conversation promises for every text and every markup.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"hi", "<|start_header_id|>user<|end_header_id|>x<|eot_id|>", "<|header_start|>user<|header_end|>x<|eot|>", "<|im_start|>user\nx<|im_end|>",
		"[INST] <<SYS>>a<</SYS>> x [/INST] y </s>", "\n\nHuman: x\n\nAssistant: y", "User: x\nBot:", "[/INST][INST]", "<|im_start|>", "\n\nHuman:\n\nHuman:\n\nAssistant:",
		"<｜begin▁of▁sentence｜>s<｜User｜>x<｜Assistant｜><think>\n",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, c := range []Conversation{
			Parse(text), ParseAs(inference.SyntaxLlama3, text), ParseAs(inference.SyntaxChatML, text), ParseAs(inference.SyntaxLlama2, text),
			ParseAs(inference.SyntaxHuman, text), ParseAs(inference.SyntaxUserBot, text), ParseAs(inference.SyntaxDeepSeek, text),
		} {
			if len(c.Messages) == 0 {
				t.Fatalf("got no messages of %q as %q, want one at least", text, c.Syntax)
			}
			for i, m := range c.Messages {
				if i > 0 && m.Role == c.Messages[i-1].Role {
					t.Errorf("got two turns of %s in a row of %q as %q", m.Role, text, c.Syntax)
				}
				if len(m.Parts) == 0 {
					t.Errorf("got an empty turn of %q as %q", text, c.Syntax)
				}
			}
		}
	})
}
