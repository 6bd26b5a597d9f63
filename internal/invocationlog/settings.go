package invocationlog

import (
	"context"
	"log/slog"
	"path"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/outcrop/outcrop/internal/delivery"
	"github.com/outcrop/outcrop/internal/fault"
	"github.com/outcrop/outcrop/internal/store"
)

// Setting says for one account and region which bucket gets the records, and
// what is in them.
type Setting struct {
	Account string `json:"-"`
	Region  string `json:"-"`
	Bucket  string `json:"bucket"`
	Prefix  string `json:"prefix,omitempty"` // of the keys; a slash is added behind it
	Content
}

// Content says which kinds of data are in the records. What is left out of a
// body is left out alone; without text there are no bodies but embeddings.
type Content struct {
	Text      bool `json:"text"`
	Image     bool `json:"image"`
	Embedding bool `json:"embedding"`
	Video     bool `json:"video"`
	Audio     bool `json:"audio"`
}

// everything is what is written to files.
var everything = Content{Text: true, Image: true, Embedding: true, Video: true, Audio: true}

// kind is the store's name for settings. There is one in each account and region.
const kind store.Kind = "invocation-logging"

const settingID = "configuration"

const (
	// maxAge is how long a setting that another process has changed may go
	// unnoticed.
	maxAge = 2 * time.Second
	// patience is the age up to which nobody waits for somebody else who is
	// reading the settings: a store that is slow holds up one request, and not
	// all of them.
	patience = 10 * time.Second
	// readTimeout is the longest time that the one waits.
	readTimeout = time.Second
)

// SettingsParams are the parts of Settings. All are required.
type SettingsParams struct {
	Store  store.Store
	Putter delivery.Putter
	Logger *slog.Logger
	Now    func() time.Time
}

// Settings keeps the settings of all accounts and regions. It is safe for
// concurrent use, also by several processes on one store.
type Settings struct {
	p SettingsParams

	current atomic.Pointer[snapshot]
	mu      sync.Mutex // held while the store is read
}

type place struct{ account, region string }

type snapshot struct {
	at       time.Time
	settings map[place]Setting
}

// NewSettings returns Settings. They are read when they are first asked for.
func NewSettings(p SettingsParams) *Settings { return &Settings{p: p} }

// Lookup tells the setting of an account and region from memory. What another
// process changed is seen two seconds later.
func (s *Settings) Lookup(account, region string) (Setting, bool) {
	setting, ok := s.read().settings[place{account, region}]
	return setting, ok
}

// Any reports whether any account and region has a setting.
func (s *Settings) Any() bool { return len(s.read().settings) > 0 }

func (s *Settings) read() *snapshot {
	last := s.current.Load()
	if last == nil {
		s.mu.Lock()
	} else {
		age := s.p.Now().Sub(last.at)
		if age < maxAge {
			return last
		}
		if !s.mu.TryLock() {
			if age < patience {
				return last
			}
			s.mu.Lock()
		}
	}
	defer s.mu.Unlock()
	if last = s.current.Load(); last != nil && s.p.Now().Sub(last.at) < maxAge {
		return last // another one has just read it
	}
	return s.load()
}

// load reads the store. The lock is held.
func (s *Settings) load() *snapshot {
	next := &snapshot{at: s.p.Now(), settings: map[place]Setting{}}
	ctx, cancel := context.WithTimeout(context.Background(), readTimeout)
	defer cancel()
	page, err := s.p.Store.List(ctx, store.Query{Kind: kind})
	if err != nil {
		s.p.Logger.Error("the configuration of invocation logging cannot be read", slog.String("cause", err.Error()))
		if last := s.current.Load(); last != nil {
			next.settings = last.settings
		}
	}
	for _, r := range page.Records {
		setting, err := settingOf(r)
		if err != nil {
			s.p.Logger.Error("a configuration of invocation logging cannot be read", slog.String("cause", err.Error()))
			continue
		}
		next.settings[place{r.Account, r.Region}] = setting
	}
	s.current.Store(next)
	return next
}

// changed makes what this process did visible to it at once.
func (s *Settings) changed() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.load()
}

func settingOf(r store.Record) (Setting, error) {
	var setting Setting
	if err := r.Decode(&setting); err != nil {
		return Setting{}, err
	}
	setting.Account, setting.Region = r.Account, r.Region
	return setting, nil
}

// Get reads a setting from the store. ok is false where nothing is logged.
func (s *Settings) Get(ctx context.Context, account, region string) (setting Setting, ok bool, err error) {
	r, err := s.p.Store.Get(ctx, key(account, region))
	if fault.Is(err, fault.NotFound) {
		return Setting{}, false, nil
	}
	if err != nil {
		return Setting{}, false, err
	}
	setting, err = settingOf(r)
	return setting, err == nil, err
}

var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// check refuses a setting whose objects could not have the names that they
// should, or would get somebody else's.
func (s *Setting) check() error {
	if !bucketName.MatchString(s.Bucket) {
		return fault.New(fault.Invalid, "The provided bucket name %q is not the name of a bucket.", s.Bucket)
	}
	prefix := strings.TrimSuffix(s.Prefix, "/")
	if strings.HasPrefix(s.Prefix, "/") || prefix != "" && (path.Clean(prefix) != prefix || prefix == "." || strings.HasPrefix(prefix+"/", "../")) {
		return fault.New(fault.Invalid, "The provided key prefix %q must not begin with a slash nor have empty parts, . or .. in it.", s.Prefix)
	}
	return nil
}

// Put makes a setting that of its account and region, once the bucket has taken
// an empty object. Invalid: it has not, or names are not what they must be.
func (s *Settings) Put(ctx context.Context, setting Setting) error {
	if err := setting.check(); err != nil {
		return err
	}
	err := s.p.Putter.Put(ctx, delivery.Object{
		Bucket: setting.Bucket, Region: setting.Region,
		Key: path.Join(setting.Prefix, "AWSLogs", setting.Account, folder, "amazon-bedrock-logs-permission-check"),
	})
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fault.Wrap(fault.Invalid, err, "Failed to validate permissions for bucket: %s. Verify that the bucket exists and that it can be written to. %s", setting.Bucket, fault.As(err).Message)
	}
	body, err := store.Encode(setting)
	if err != nil {
		return err
	}
	defer s.changed()
	_, err = store.Put(ctx, s.p.Store, key(setting.Account, setting.Region), func(r *store.Record) error {
		r.Body, r.Updated = body, s.p.Now()
		if r.Version == 0 {
			r.Created = r.Updated
		}
		return nil
	})
	return err
}

// Delete ends the logging of an account and region. Where nothing is logged it
// does nothing.
func (s *Settings) Delete(ctx context.Context, account, region string) error {
	defer s.changed()
	err := s.p.Store.Delete(ctx, key(account, region))
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}

func key(account, region string) store.Key {
	return store.Key{Kind: kind, Account: account, Region: region, ID: settingID}
}
