package bedrockagent

import (
	"encoding/json"
	"fmt"
	"net/http"

	api "github.com/outcrop/outcrop/internal/api/bedrockagent"
	"github.com/outcrop/outcrop/internal/wire/restjson"
	"github.com/outcrop/outcrop/internal/wire/schema"
)

// Configurations are kept in the API's own JSON, by the codec that carries them
// over the wire: what a client reads is what another one wrote, and a new service
// model finds what was kept under an older one.

// encodeConfig writes the member of an operation's output that holds a resource.
func encodeConfig(operation, member string, output any) ([]byte, error) {
	svc := api.Schema()
	resp, err := restjson.Codec{}.EncodeResponse(svc, svc.Operation(operation), output, "")
	if err != nil {
		return nil, fmt.Errorf("encode a configuration: %w", err)
	}
	var body map[string]json.RawMessage
	if err := json.Unmarshal(resp.Body, &body); err != nil {
		return nil, fmt.Errorf("encode a configuration: %w", err)
	}
	return body[member], nil
}

// decodeConfig reads a resource as the input of the operation that makes it.
func decodeConfig[I any](operation string, config []byte) (*I, error) {
	svc := api.Schema()
	labels := map[string]string{"knowledgeBaseId": ""} // of CreateDataSource's path, which is not kept
	in, err := restjson.Codec{}.DecodeRequest(&schema.Request{Service: svc, Op: svc.Operation(operation), Labels: labels, Header: http.Header{}, Body: config})
	if err != nil {
		// Not the client's request: the fault would blame it.
		return nil, fmt.Errorf("decode: %s", err.Error())
	}
	return in.(*I), nil
}
