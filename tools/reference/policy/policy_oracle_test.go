// Asks the reference importer's own policy. Copy into its package x/create and run as README.md
// says; it is no part of this project's build.
package create

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
)

type question struct {
	Case   string          `json:"case"`
	Config json.RawMessage `json:"config"`
	Draft  bool            `json:"draft"`
	Name   string          `json:"name"`
	Shape  []int32         `json:"shape"`
}

func TestPolicyOracle(t *testing.T) {
	in, err := os.Open(os.Getenv("POLICY_QUERIES"))
	if err != nil {
		t.Fatal(err)
	}
	out, err := os.Create(os.Getenv("POLICY_ANSWERS"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	seen := map[string]bool{}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var q question
		if err := json.Unmarshal(lines.Bytes(), &q); err != nil {
			t.Fatal(err)
		}
		var inv Inventory
		if err := json.Unmarshal(q.Config, &inv.Config); err != nil {
			t.Fatal(err)
		}
		inv.RawConfig = q.Config
		policy, err := newTensorImportTransform(inv)
		if err != nil {
			t.Fatal(err)
		}
		if q.Draft {
			policy = draftPolicy{policy}
		}
		if !seen[q.Case] {
			seen[q.Case] = true
			fmt.Fprintf(out, "#\t%s\t%s\n", q.Case, q.Config)
		}
		answers := []string{}
		for _, base := range []string{"int4", "int8", "nvfp4", "mxfp4", "mxfp8"} {
			answer := policy.quantizationType(q.Name, q.Shape, base)
			if answer == "" {
				answer = "-"
			}
			answers = append(answers, answer)
		}
		shape := strings.Trim(strings.ReplaceAll(fmt.Sprint(q.Shape), " ", ","), "[]")
		fmt.Fprintf(out, "%s\t%s\t%s\n", q.Name, shape, strings.Join(answers, " "))
	}
}
