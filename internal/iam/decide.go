package iam

// Decision is the outcome of authorization. Reason is the text that the caller
// is shown when Allowed is false, in AWS's words; it is empty otherwise.
type Decision struct {
	Allowed bool
	Reason  string
}

// Decide says whether the principal may perform action ("bedrock:InvokeModel")
// on resource (an ARN, or empty for actions that name none). It is a pure
// function of its arguments.
//
// This is the place of the policy engine: policy documents will become one more
// argument, and no caller changes otherwise. Until then the account's root and
// every user that holds a key may do everything, and anyone else nothing. An
// Anonymous principal is among the latter: a server that runs without
// authentication must skip this step knowingly, instead of having it pass by
// accident.
func Decide(p Principal, action, resource string) Decision {
	if (p.Type == Root || p.Type == User) && p.ARN != "" {
		return Decision{Allowed: true}
	}
	who := p.ARN
	if who == "" {
		who = "anonymous"
	}
	reason := "User: " + who + " is not authorized to perform: " + action
	if resource != "" {
		reason += " on resource: " + resource
	}
	return Decision{Reason: reason + " because no identity-based policy allows the " + action + " action"}
}
