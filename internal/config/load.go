package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"gopkg.in/yaml.v3"
)

// Load reads the file (none when path is empty), then the environment, over the
// defaults. It does not validate: flags come after it, then Validate.
func Load(path string, getenv func(string) string) (*Config, Lines, error) {
	cfg := Default()
	lines := Lines{file: path, at: map[string]int{}}
	if path != "" {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, lines, fmt.Errorf("read the configuration: %w", err)
		}
		if err := decode(text, &cfg, lines); err != nil {
			return nil, lines, err
		}
	}
	if err := fromEnv(&cfg, getenv); err != nil {
		return nil, lines, err
	}
	return &cfg, lines, nil
}

// Lines remembers on which line of which file a key stands.
type Lines struct {
	file string
	at   map[string]int
}

// where names the source of a key for an error message.
func (l Lines) where(path string) string {
	if n := l.at[path]; n > 0 {
		return fmt.Sprintf("%s:%d: %s", l.file, n, path)
	}
	return path
}

var typeName = regexp.MustCompile(` (in type|into) [\w.]*config\.\w+`)

func decode(text []byte, cfg *Config, lines Lines) error {
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		return fmt.Errorf("%s: %w", lines.file, err)
	}
	if len(root.Content) > 0 {
		lines.note("", root.Content[0])
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(cfg); err != nil && !errors.Is(err, io.EOF) {
		if typed, ok := errors.AsType[*yaml.TypeError](err); ok {
			// The library names Go types, which say nothing to an operator.
			text := typeName.ReplaceAllString(strings.Join(typed.Errors, "; "), "")
			return fmt.Errorf("%s: %s", lines.file, text)
		}
		return fmt.Errorf("%s: %w", lines.file, err)
	}
	return nil
}

func (l Lines) note(path string, n *yaml.Node) {
	l.at[path] = n.Line
	join := func(key string) string {
		if path == "" {
			return key
		}
		return path + "." + key
	}
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			l.note(join(n.Content[i].Value), n.Content[i+1])
		}
	case yaml.SequenceNode:
		for i, item := range n.Content {
			l.note(join(strconv.Itoa(i)), item)
		}
	case yaml.DocumentNode, yaml.ScalarNode, yaml.AliasNode:
	}
}

// EnvName returns the environment variable of a key path: timeouts.model is
// OUTCROP_TIMEOUTS_MODEL, compat.unknownModel OUTCROP_COMPAT_UNKNOWN_MODEL.
func EnvName(path string) string {
	var b strings.Builder
	b.WriteString("OUTCROP_")
	for _, r := range path {
		switch {
		case r == '.':
			b.WriteByte('_')
		case unicode.IsUpper(r):
			b.WriteByte('_')
			b.WriteRune(r)
		default:
			b.WriteRune(unicode.ToUpper(r))
		}
	}
	return b.String()
}

// UnknownVariables returns those of the variables ("NAME=value") that begin
// with OUTCROP_ and mean nothing to anybody: misspelled ones, most likely.
func UnknownVariables(environ []string) []string {
	known := map[string]bool{
		"OUTCROP_CONFIG": true, "OUTCROP_ROOT_ACCESS_KEY_ID": true, "OUTCROP_ROOT_SECRET_ACCESS_KEY": true,
		"OUTCROP_OLLAMA_REGISTRY":       true,
		"OUTCROP_OBJECTS_ACCESS_KEY_ID": true, "OUTCROP_OBJECTS_SECRET_ACCESS_KEY": true, "OUTCROP_OBJECTS_SESSION_TOKEN": true,
	}
	cfg := Default()
	walk(reflect.ValueOf(&cfg).Elem(), "", func(path string, _ reflect.StructField, _ reflect.Value) {
		known[EnvName(path)] = true
	})
	var unknown []string
	for _, pair := range environ {
		name, _, _ := strings.Cut(pair, "=")
		if strings.HasPrefix(name, "OUTCROP_") && !known[name] {
			unknown = append(unknown, name)
		}
	}
	return unknown
}

func fromEnv(cfg *Config, getenv func(string) string) error {
	var errs []error
	walk(reflect.ValueOf(cfg).Elem(), "", func(path string, _ reflect.StructField, v reflect.Value) {
		name := EnvName(path)
		text := getenv(name)
		if text == "" {
			return
		}
		// Lists are written in YAML's flow form; every scalar is YAML too, but
		// a string is taken as it stands, so that an address needs no quotes.
		if v.Kind() == reflect.String {
			v.SetString(text)
			return
		}
		if err := yaml.Unmarshal([]byte(text), v.Addr().Interface()); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	})
	return errors.Join(errs...)
}

// walk visits the leaves of the struct: everything that is not a struct itself.
func walk(v reflect.Value, prefix string, visit func(path string, f reflect.StructField, v reflect.Value)) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		path, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if prefix != "" {
			path = prefix + "." + path
		}
		if f.Type.Kind() == reflect.Struct {
			walk(v.Field(i), path, visit)
			continue
		}
		visit(path, f, v.Field(i))
	}
}

// Size is a number of bytes, written as 512MiB, 8GiB or a plain number.
type Size int64

// UnmarshalYAML reads a size.
func (s *Size) UnmarshalYAML(n *yaml.Node) error {
	size, err := ParseSize(n.Value)
	if err != nil {
		return fmt.Errorf("line %d: %w", n.Line, err)
	}
	*s = size
	return nil
}

// MarshalYAML writes a size as it is read.
func (s Size) MarshalYAML() (any, error) { return s.String(), nil }

// String writes the size in the largest unit that divides it.
func (s Size) String() string {
	for i := len(units) - 1; i >= 0; i-- {
		if u := units[i]; s != 0 && int64(s)%u.bytes == 0 {
			return strconv.FormatInt(int64(s)/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

var units = [...]struct {
	name  string
	bytes int64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}}

// ParseSize reads 512MiB, 8GiB or a plain number of bytes.
func ParseSize(text string) (Size, error) {
	number, factor := strings.TrimSpace(text), int64(1)
	for _, u := range units {
		if rest, ok := strings.CutSuffix(number, u.name); ok {
			number, factor = strings.TrimSpace(rest), u.bytes
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || n > (1<<62)/factor {
		return 0, fmt.Errorf("%q is not a size: write a number of bytes, or one with KiB, MiB, GiB or TiB", text)
	}
	return Size(n * factor), nil
}

// YAML writes the configuration as a file that Load would read back.
func (c *Config) YAML() ([]byte, error) {
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(c); err != nil {
		return nil, fmt.Errorf("write the configuration: %w", err)
	}
	return b.Bytes(), nil
}

// Markdown writes the reference page.
func Markdown() string {
	var b strings.Builder
	b.WriteString("# Configuration\n\n<!-- Made by `make generate` from internal/config. Do not edit. -->\n\n" +
		"`outcrop.yaml` is read from the working directory or from `--config FILE`. An environment variable\n" +
		"overrides the file, a flag overrides both. Lists in variables are written in YAML's flow form:\n" +
		"`OUTCROP_ROUTES='[{match: \"meta.*\", model: my-llama}]'`. Unknown keys stop the start with file and line.\n" +
		"`outcrop config check` says whether a file is good, `outcrop config print` what is in force.\n\n" +
		"| key | variable | default | meaning |\n|---|---|---|---|\n")
	cfg := Default()
	walk(reflect.ValueOf(&cfg).Elem(), "", func(path string, f reflect.StructField, v reflect.Value) {
		var def string
		switch value := v.Interface().(type) {
		case time.Duration:
			def = value.String()
		case Size:
			def = value.String()
		default:
			switch {
			case v.Kind() == reflect.Map, v.Kind() == reflect.Slice && v.Len() == 0:
			default:
				def = fmt.Sprint(value)
			}
		}
		if def != "" {
			def = "`" + def + "`"
		}
		fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s |\n", path, EnvName(path), def, f.Tag.Get("doc"))
		switch {
		case f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() == reflect.Struct:
			items(&b, path+"[]", f.Type.Elem())
		case f.Type.Kind() == reflect.Map && f.Type.Elem().Kind() == reflect.Struct:
			items(&b, path+".NAME", f.Type.Elem())
		}
	})
	return b.String()
}

// items writes the lines of what a list or a map holds.
func items(b *strings.Builder, path string, item reflect.Type) {
	for sub := range item.Fields() {
		key, _, _ := strings.Cut(sub.Tag.Get("yaml"), ",")
		fmt.Fprintf(b, "| `%s.%s` | | | %s |\n", path, key, sub.Tag.Get("doc"))
		if sub.Type.Kind() == reflect.Slice && sub.Type.Elem().Kind() == reflect.Struct {
			items(b, path+"."+key+"[]", sub.Type.Elem())
		}
	}
}
