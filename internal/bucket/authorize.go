package bucket

import (
	"bytes"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/outcrop/outcrop/internal/iam"
)

// Question is a permission that a request takes.
type Question struct {
	Principal iam.Principal
	Region    string // that was signed for; empty where nobody has to sign
	Action    string // "s3:GetObject"
	Resource  string // ARN, or "*"
	// Values are the condition keys of S3, in lower case.
	Values map[string][]string
}

// authorize asks for everything that a request takes but the keys that a
// DeleteObjects names, which are asked for one by one.
func (s *Server) authorize(x *exchange, r *http.Request, op operation) error {
	if op.name == "DeleteObjects" {
		return nil // see deletes
	}
	if err := x.target.once(); err != nil {
		return err
	}
	values := x.values(r)
	ask := func(action, resource string) error { return s.ask(x, r, action, resource, values) }
	if err := ask(x.versioned(op.action), x.target.resource()); err != nil {
		return err
	}
	switch op.name {
	case "GetObject", "HeadObject":
		x.absent = func() error { return ask("ListBucket", "arn:aws:s3:::"+x.target.bucket) }
	case "GetObjectAttributes":
		return ask(x.versioned("GetObject"), x.target.resource())
	case "CopyObject", "UploadPartCopy":
		from, err := readSource(x.target.asked(r, copySource))
		if err != nil {
			return err
		}
		action := "GetObject"
		if from.version != "" {
			action = "GetObjectVersion"
		}
		if err := ask(action, "arn:aws:s3:::"+from.object); err != nil {
			return err
		}
		x.source = &from
	}
	switch op.name {
	case "PutObject", "CopyObject", "CreateMultipartUpload":
		if x.target.asked(r, taggingHeader) != "" {
			return ask("PutObjectTagging", x.target.resource())
		}
	}
	return nil
}

// ask asks whether the sender may do something; nil: yes. Where nobody is
// checked everybody may.
func (s *Server) ask(x *exchange, r *http.Request, action, resource string, values map[string][]string) error {
	if s.p.Signatures == nil {
		return nil
	}
	return s.p.Decide(r.Context(), Question{
		Principal: x.outcome.Principal, Region: x.outcome.Region, Action: "s3:" + action, Resource: resource, Values: values,
	})
}

// hideAbsent tells who may not list a bucket that they may not do that, where an
// object is not there: they would learn which ones are.
func (x *exchange) hideAbsent(response *http.Response) error {
	if x.absent == nil || response.StatusCode != http.StatusNotFound || x.outcome.Code != "NoSuchKey" && x.method != http.MethodHead {
		return nil
	}
	err := x.absent()
	if err == nil {
		return nil
	}
	f := failureOf(err)
	text := x.document(f)
	closer := response.Body
	response.Body = &part{Reader: bytes.NewReader(text), Closer: closer}
	if x.method == http.MethodHead {
		response.Body = &part{Reader: http.NoBody, Closer: closer}
	}
	response.StatusCode, response.Status = f.status, ""
	response.ContentLength = int64(len(text))
	response.Header.Set("Content-Type", "application/xml")
	response.Header.Set("Content-Length", strconv.Itoa(len(text)))
	return nil
}

// versioned is the permission for one version of an object, where a request
// names one.
func (x *exchange) versioned(action string) string {
	if x.target.get("versionId") == "" {
		return action
	}
	switch action {
	case "GetObject", "DeleteObject", "GetObjectAcl", "GetObjectAttributes", "GetObjectTagging", "PutObjectTagging", "DeleteObjectTagging":
		verb, rest, _ := strings.Cut(action, "Object")
		return verb + "ObjectVersion" + rest
	}
	return action
}

// source is what a copy is made of.
type source struct {
	object  string // "bucket/key"
	version string
}

// readSource reads the header as the gateway does, and in its only way: in the
// form that String writes it means nothing else to anybody.
func readSource(header string) (source, error) {
	text, err := url.QueryUnescape(strings.TrimPrefix(header, "/"))
	if err != nil {
		return source{}, fail(http.StatusBadRequest, "InvalidArgument", "Invalid copy source encoding").because(err)
	}
	object, version, _ := strings.Cut(text, "?versionId=")
	bucket, key, ok := strings.Cut(object, "/")
	if !ok || bucket == "" || !representable(key) {
		return source{}, fail(http.StatusBadRequest, "InvalidArgument", "Copy Source must mention the source bucket and key: sourcebucket/sourcekey")
	}
	return source{object, version}, nil
}

// String is the header.
func (s *source) String() string {
	if s.version == "" {
		return escapePath(s.object)
	}
	return escapePath(s.object) + "?versionId=" + url.QueryEscape(s.version)
}

// once refuses parameters that a permission may depend on and that are there
// more than once: it is not said which one counts.
func (t *target) once() error {
	for i, p := range t.query {
		switch p.name {
		case "prefix", "delimiter", "max-keys", "versionId":
			for _, q := range t.query[:i] {
				if q.name == p.name {
					return fail(http.StatusBadRequest, "InvalidArgument", "The parameter "+p.name+" is there more than once.")
				}
			}
		}
	}
	return nil
}

const taggingHeader = "X-Amz-Tagging"

// valueHeaders are the headers that are condition keys.
var valueHeaders = []string{
	"X-Amz-Acl", "X-Amz-Copy-Source", "X-Amz-Metadata-Directive", "X-Amz-Storage-Class", "X-Amz-Server-Side-Encryption",
	"X-Amz-Content-Sha256",
}

// values are the condition keys of a request.
func (x *exchange) values(r *http.Request) map[string][]string {
	v := map[string][]string{"s3:signatureversion": {"AWS4-HMAC-SHA256"}, "s3:authtype": {"REST-HEADER"}}
	if isOld(r, &x.target) {
		v["s3:signatureversion"] = []string{"AWS"}
	}
	if x.target.has("X-Amz-Signature") || x.target.has(oldSignature) {
		v["s3:authtype"] = []string{"REST-QUERY-STRING"}
	}
	for _, name := range valueHeaders {
		if value := x.target.asked(r, name); value != "" {
			v["s3:"+strings.ToLower(name)] = []string{value}
		}
	}
	for _, name := range [...]string{"prefix", "delimiter", "max-keys", "versionId"} {
		if x.target.has(name) {
			v["s3:"+strings.ToLower(name)] = []string{x.target.get(name)}
		}
	}
	if x.credential != nil && !x.credential.Time.IsZero() {
		age := x.now.Sub(x.credential.Time).Milliseconds()
		v["s3:signatureage"] = []string{strconv.FormatInt(age, 10)}
	}
	var keys []string
	for pair := range strings.SplitSeq(x.target.asked(r, taggingHeader), "&") {
		key, value, _ := strings.Cut(pair, "=")
		if key = unescapeQuery(key); key != "" {
			v["s3:requestobjecttag/"+strings.ToLower(key)] = []string{unescapeQuery(value)}
			keys = append(keys, key)
		}
	}
	if keys != nil {
		v["s3:requestobjecttagkeys"] = keys
	}
	return v
}
