package iam

// Action returns the permission name that an operation needs: service is the
// endpoint prefix of its table ("bedrock-runtime", "sts"), operation its name.
// Most are the service prefix and the operation; the exceptions are operations
// that AWS guards with the permission of another one.
func Action(service, operation string) string {
	prefix := service
	switch service {
	case "bedrock", "bedrock-runtime", "bedrock-agent", "bedrock-agent-runtime":
		prefix = "bedrock"
	}
	if service == "bedrock-runtime" {
		switch operation {
		case "Converse", "StartAsyncInvoke":
			operation = "InvokeModel"
		case "ConverseStream":
			operation = "InvokeModelWithResponseStream"
		}
	}
	if service == "bedrock-agent-runtime" && operation == "RetrieveAndGenerateStream" {
		operation = "RetrieveAndGenerate"
	}
	return prefix + ":" + operation
}
