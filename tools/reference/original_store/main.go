// Asks the original's own code about model stores: what it writes, what it reads, how it splits
// names. See README.md.
package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/ollama/ollama/manifest"
	"github.com/ollama/ollama/progress"
	"github.com/ollama/ollama/types/model"
	"github.com/ollama/ollama/x/create/client"
	"github.com/ollama/ollama/x/server"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// A safetensors file of F32 tensors whose values count up.
func writeCheckpoint(dir string) {
	shapes := map[string][]int{
		"model.embed_tokens.weight":                     {16, 8},
		"model.norm.weight":                             {8},
		"model.layers.0.mlp.gate.weight":                {2, 8},
		"model.layers.0.mlp.experts.0.gate_proj.weight": {4, 8},
		"model.layers.0.mlp.experts.0.up_proj.weight":   {4, 8},
		"model.layers.0.mlp.experts.0.down_proj.weight": {8, 4},
		"model.layers.0.mlp.experts.1.gate_proj.weight": {4, 8},
		"model.layers.0.mlp.experts.1.up_proj.weight":   {4, 8},
		"model.layers.0.mlp.experts.1.down_proj.weight": {8, 4},
		"model.layers.0.self_attn.q_proj.weight":        {8, 8},
		"model.layers.0.self_attn.q_proj.bias":          {8},
	}
	names := make([]string, 0, len(shapes))
	for name := range shapes {
		names = append(names, name)
	}
	sort.Strings(names)
	header := map[string]any{"__metadata__": map[string]string{"format": "pt"}}
	var data bytes.Buffer
	count := float32(0)
	for _, name := range names {
		elements := 1
		for _, dim := range shapes[name] {
			elements *= dim
		}
		begin := data.Len()
		for range elements {
			check(binary.Write(&data, binary.LittleEndian, count))
			count++
		}
		header[name] = map[string]any{"dtype": "F32", "shape": shapes[name], "data_offsets": []int{begin, data.Len()}}
	}
	text, err := json.Marshal(header)
	check(err)
	var file bytes.Buffer
	check(binary.Write(&file, binary.LittleEndian, uint64(len(text))))
	file.Write(text)
	file.Write(data.Bytes())
	check(os.WriteFile(filepath.Join(dir, "model.safetensors"), file.Bytes(), 0o644))
	check(os.WriteFile(filepath.Join(dir, "config.json"), []byte(`{"architectures": ["Qwen3MoeForCausalLM"], "model_type": "qwen3_moe", "hidden_size": 8, "num_hidden_layers": 1, "max_position_embeddings": 128, "num_attention_heads": 2, "num_key_value_heads": 1, "vocab_size": 16, "torch_dtype": "float32"}`), 0o644))
	check(os.WriteFile(filepath.Join(dir, "tokenizer.json"), []byte("{\"version\": \"1.0\"}\n"), 0o644))
}

func write() {
	dir, err := os.MkdirTemp("", "checkpoint")
	check(err)
	defer os.RemoveAll(dir)
	writeCheckpoint(dir)
	p := progress.NewProgress(os.Stderr)
	check(client.CreateModel(client.CreateOptions{
		ModelName: "Me/Tiny-MoE:F32",
		ModelDir:  dir,
		Modelfile: &client.ModelfileConfig{Template: "{{ .Prompt }}\n", System: "Be <brief> & kind.", License: "Do as you like.\n"},
	}, p))
	p.Stop()

	// What the importer does not write: a layer inherited from another model, and characters that
	// the JSON encoder escapes.
	text, err := manifest.NewLayer(strings.NewReader("{\"stop\":[\"<|end|>\"],\"temperature\":0.7}\n"), "application/vnd.ollama.image.params")
	check(err)
	inherited, err := manifest.NewLayerFromLayer(text.Digest, text.MediaType, "me/tiny-moe:f32")
	check(err)
	odd, err := manifest.NewLayer(strings.NewReader("{}"), "application/vnd.ollama.image.json")
	check(err)
	odd.Name = "a<b>&c\u2028\u00e9\".json"
	config, err := json.Marshal(model.ConfigV2{ModelFormat: "safetensors", ModelFamilies: []string{"a"}, FileType: "int4", ContextLen: 4096, BaseName: "b", Architecture: "amd64", OS: "linux", RootFS: model.RootFS{Type: "layers", DiffIDs: []string{text.Digest}}})
	check(err)
	blob, err := manifest.NewLayer(bytes.NewReader(append(config, '\n')), "application/vnd.docker.container.image.v1+json")
	check(err)
	check(manifest.WriteManifest(model.ParseName("example.com:5000/team/odd"), blob, []manifest.Layer{inherited, odd}))
}

func read() {
	models, err := manifest.Manifests(false)
	check(err)
	out := map[string]any{}
	for name, m := range models {
		entry := map[string]any{"digest": m.Digest(), "size": m.Size(), "layers": len(m.Layers)}
		var config model.ConfigV2
		f, err := m.Config.Open()
		check(err)
		check(json.NewDecoder(f).Decode(&config))
		f.Close()
		entry["config"] = config
		for i := range m.Layers {
			f, err := m.Layers[i].Open()
			check(err)
			f.Close()
		}
		var parsed map[string]any
		if m.ReadConfigJSON("config.json", &parsed) == nil {
			info, err := server.GetSafetensorsLLMInfo(name)
			check(err)
			tensors, err := server.GetSafetensorsTensorInfo(name)
			check(err)
			entry["info"] = info
			entry["tensors"] = tensors
		}
		out[name.String()] = entry
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", " ")
	check(encoder.Encode(out))
}

// One JSON string a line in; the same with what the original makes of it out.
func names() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var text string
		check(json.Unmarshal(lines.Bytes(), &text))
		n := model.ParseName(text)
		entry := map[string]any{"text": text, "valid": n.IsValid()}
		if n.IsValid() {
			entry["full"] = n.String()
			entry["short"] = n.DisplayShortest()
			entry["scheme"] = n.ProtocolScheme
		}
		line, err := json.Marshal(entry)
		check(err)
		fmt.Println(string(line))
	}
}

func main() {
	commands := map[string]func(){"write": write, "read": read, "names": names}
	if len(os.Args) != 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: OLLAMA_MODELS=DIR original_store write|read|names")
		os.Exit(2)
	}
	commands[os.Args[1]]()
}
