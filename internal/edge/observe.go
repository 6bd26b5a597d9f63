package edge

import "slices"

// begin asks the observers.
func (x *exchange) begin() {
	x.view.Header = x.r.Header
	for _, o := range x.edge.p.Observers {
		if w := o.Begin(&x.view); w != nil {
			x.watches = append(x.watches, w)
		}
	}
	if len(x.watches) > 0 {
		x.call.OnSettle(func() {
			for _, w := range x.watches {
				w.Settled(&x.view)
			}
		})
	}
}

func (x *exchange) answering(body []byte) {
	x.view.Status, x.view.Code, x.view.Cause = x.status, x.code, x.cause
	for _, w := range x.watches {
		w.Answer(&x.view, body)
	}
}

func (x *exchange) sending(name string, payload []byte) {
	for _, w := range x.watches {
		w.Event(&x.view, name, payload)
	}
}

// end tells the observers that it is over. What the services put off comes
// first: it may settle what is then written.
func (x *exchange) end() {
	defer func() { // whatever happens there: observers count who is under way
		x.view.Status, x.view.Code, x.view.Cause = x.status, x.code, x.cause
		x.view.Elapsed = x.edge.p.Now().Sub(x.call.Start)
		for _, w := range slices.Backward(x.watches) {
			defer w.End(&x.view)
		}
	}()
	x.call.End()
}
