package access

import (
	"fmt"
	"strings"

	"github.com/outcrop/outcrop/internal/catalog"
)

// Document is what has to be read and accepted before a model is used: the
// operator's own text where there is one, below what the model is and who really
// answers for it.
func (r *Registry) Document(m *catalog.Model, servedBy string, standIn bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Terms for the model %s\n\n", m.ID)
	name := m.Name
	if name == "" {
		name = m.ID
	}
	fmt.Fprintf(&b, "Model:    %s\n", name)
	if m.Provider != "" {
		fmt.Fprintf(&b, "Provider: %s\n", m.Provider)
	}
	if servedBy != "" {
		fmt.Fprintf(&b, "Answers:  %s", servedBy)
		if standIn {
			b.WriteString(", which stands in for it: another model, under its own licence")
		}
		b.WriteString("\n")
	}
	b.WriteString("\n")
	if r.p.Terms != "" {
		b.WriteString(strings.TrimSpace(r.p.Terms) + "\n")
		return b.String()
	}
	b.WriteString("The operator of this server has set no terms of their own. The licence of the model that\n" +
		"answers applies; `outcrop models list` names its file, and the licence texts of what comes with\n" +
		"Outcrop lie beside it. Calls are counted and may be logged, as the operator has configured.\n")
	return b.String()
}
