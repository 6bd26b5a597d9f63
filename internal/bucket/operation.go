package bucket

import (
	"net/http"
)

// operation is what a request asks for, in S3's words.
type operation struct {
	name string
	// action is the permission that it needs, without "s3:".
	action string
	// refused: S3 has it and the gateway has not, or would keep what it is told
	// and never act on it.
	refused bool
	// conflict names the parameters of a request that asks for two at once.
	conflict string
}

func done(name, action string) operation { return operation{name: name, action: action} }
func refused(name string) operation      { return operation{name: name, action: name, refused: true} }

// route is an operation that a query parameter tells from another one with the
// same method.
type route struct {
	parameter string
	operation operation
}

// The routes of requests that name a bucket alone, and of those that name an
// object. The first match counts; the last one, without a parameter, is the rest.
var bucketRoutes = map[string][]route{
	http.MethodGet: {
		{"location", done("GetBucketLocation", "GetBucketLocation")},
		{"versioning", done("GetBucketVersioning", "GetBucketVersioning")},
		{"versions", done("ListObjectVersions", "ListBucketVersions")},
		{"uploads", done("ListMultipartUploads", "ListBucketMultipartUploads")},
		{"tagging", done("GetBucketTagging", "GetBucketTagging")},
		{"acl", done("GetBucketAcl", "GetBucketAcl")},
		{"policy", done("GetBucketPolicy", "GetBucketPolicy")},
		{"policyStatus", done("GetBucketPolicyStatus", "GetBucketPolicyStatus")},
		{"cors", done("GetBucketCors", "GetBucketCORS")},
		{"ownershipControls", done("GetBucketOwnershipControls", "GetBucketOwnershipControls")},
		{"object-lock", done("GetObjectLockConfiguration", "GetBucketObjectLockConfiguration")},
		{"website", done("GetBucketWebsite", "GetBucketWebsite")},
		{"encryption", refused("GetBucketEncryption")},
		{"lifecycle", refused("GetBucketLifecycleConfiguration")},
		{"logging", refused("GetBucketLogging")},
		{"notification", refused("GetBucketNotificationConfiguration")},
		{"replication", refused("GetBucketReplication")},
		{"publicAccessBlock", refused("GetPublicAccessBlock")},
		{"requestPayment", refused("GetBucketRequestPayment")},
		{"accelerate", refused("GetBucketAccelerateConfiguration")},
		{"analytics", refused("GetBucketAnalyticsConfiguration")},
		{"intelligent-tiering", refused("GetBucketIntelligentTieringConfiguration")},
		{"inventory", refused("GetBucketInventoryConfiguration")},
		{"metrics", refused("GetBucketMetricsConfiguration")},
		{"session", refused("CreateSession")},
		{"list-type", done("ListObjectsV2", "ListBucket")},
		{"", done("ListObjects", "ListBucket")},
	},
	http.MethodHead: {{"", done("HeadBucket", "ListBucket")}},
	http.MethodPut: {
		{"tagging", done("PutBucketTagging", "PutBucketTagging")},
		{"versioning", refused("PutBucketVersioning")},
		{"acl", refused("PutBucketAcl")},
		{"policy", refused("PutBucketPolicy")},
		{"cors", refused("PutBucketCors")},
		{"website", refused("PutBucketWebsite")},
		{"object-lock", refused("PutObjectLockConfiguration")},
		{"ownershipControls", refused("PutBucketOwnershipControls")},
		{"encryption", refused("PutBucketEncryption")},
		{"lifecycle", refused("PutBucketLifecycleConfiguration")},
		{"logging", refused("PutBucketLogging")},
		{"notification", refused("PutBucketNotificationConfiguration")},
		{"replication", refused("PutBucketReplication")},
		{"publicAccessBlock", refused("PutPublicAccessBlock")},
		{"requestPayment", refused("PutBucketRequestPayment")},
		{"accelerate", refused("PutBucketAccelerateConfiguration")},
		{"analytics", refused("PutBucketAnalyticsConfiguration")},
		{"intelligent-tiering", refused("PutBucketIntelligentTieringConfiguration")},
		{"inventory", refused("PutBucketInventoryConfiguration")},
		{"metrics", refused("PutBucketMetricsConfiguration")},
		{"", done("CreateBucket", "CreateBucket")},
	},
	http.MethodDelete: {
		{"tagging", done("DeleteBucketTagging", "PutBucketTagging")},
		{"policy", refused("DeleteBucketPolicy")},
		{"cors", refused("DeleteBucketCors")},
		{"website", refused("DeleteBucketWebsite")},
		{"ownershipControls", refused("DeleteBucketOwnershipControls")},
		{"encryption", refused("DeleteBucketEncryption")},
		{"lifecycle", refused("DeleteBucketLifecycle")},
		{"replication", refused("DeleteBucketReplication")},
		{"publicAccessBlock", refused("DeletePublicAccessBlock")},
		{"analytics", refused("DeleteBucketAnalyticsConfiguration")},
		{"intelligent-tiering", refused("DeleteBucketIntelligentTieringConfiguration")},
		{"inventory", refused("DeleteBucketInventoryConfiguration")},
		{"metrics", refused("DeleteBucketMetricsConfiguration")},
		{"", done("DeleteBucket", "DeleteBucket")},
	},
	http.MethodPost: {
		{"delete", done("DeleteObjects", "DeleteObject")},
		{"", refused("PostObject")}, // an HTML form, with a signature of its own
	},
}

var objectRoutes = map[string][]route{
	http.MethodGet: {
		{"uploadId", done("ListParts", "ListMultipartUploadParts")},
		{"tagging", done("GetObjectTagging", "GetObjectTagging")},
		{"attributes", done("GetObjectAttributes", "GetObjectAttributes")},
		{"acl", done("GetObjectAcl", "GetObjectAcl")},
		{"retention", refused("GetObjectRetention")},
		{"legal-hold", refused("GetObjectLegalHold")},
		{"torrent", refused("GetObjectTorrent")},
		{"", done("GetObject", "GetObject")},
	},
	http.MethodHead: {{"", done("HeadObject", "GetObject")}},
	http.MethodPut: {
		{"partNumber", done("UploadPart", "PutObject")},
		{"tagging", done("PutObjectTagging", "PutObjectTagging")},
		{"acl", refused("PutObjectAcl")},
		{"retention", refused("PutObjectRetention")},
		{"legal-hold", refused("PutObjectLegalHold")},
		{"renameObject", refused("RenameObject")},
		{"encryption", refused("UpdateObjectEncryption")},
		{"", done("PutObject", "PutObject")},
	},
	http.MethodDelete: {
		{"uploadId", done("AbortMultipartUpload", "AbortMultipartUpload")},
		{"tagging", done("DeleteObjectTagging", "DeleteObjectTagging")},
		{"", done("DeleteObject", "DeleteObject")},
	},
	http.MethodPost: {
		{"uploads", done("CreateMultipartUpload", "PutObject")},
		{"uploadId", done("CompleteMultipartUpload", "PutObject")},
		{"select", refused("SelectObjectContent")},
		{"restore", refused("RestoreObject")},
		{"", refused("PostObject")},
	},
}

// operationOf finds the operation of a request; it has no name when S3 has none.
func operationOf(r *http.Request, t *target) operation {
	routes := objectRoutes[r.Method]
	switch {
	case t.path == "/" && r.Method == http.MethodGet:
		return done("ListBuckets", "ListAllMyBuckets")
	case t.bucket == "":
		return operation{}
	case t.key == "":
		routes = bucketRoutes[r.Method]
	}
	var op *operation
	chosen := ""
	for _, route := range routes {
		switch {
		case route.parameter != "" && !t.has(route.parameter), route.parameter == "" && op != nil:
		case op != nil:
			// The gateway looks for them in another order, and would do what
			// nobody has looked at.
			return operation{name: op.name, action: op.action, conflict: chosen + ", " + route.parameter}
		default:
			op, chosen = &route.operation, route.parameter
		}
	}
	if op == nil {
		return operation{}
	}
	found := *op
	if t.asked(r, copySource) != "" {
		switch found.name {
		case "PutObject":
			found.name = "CopyObject"
		case "UploadPart":
			found.name = "UploadPartCopy"
		}
	}
	return found
}

const copySource = "X-Amz-Copy-Source"

// resource is the ARN of what a request names, for the decision.
func (t *target) resource() string {
	switch {
	case t.bucket == "":
		return "*"
	case t.key == "":
		return "arn:aws:s3:::" + t.bucket
	}
	return "arn:aws:s3:::" + t.bucket + "/" + t.key
}
