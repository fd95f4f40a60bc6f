using System.Collections;
using System.Globalization;
using System.Text.Json;
using BattKomp.Lab.EdgeAgent.Instruments;
using BattKomp.Lab.Tests.Support;
using Xunit;

namespace BattKomp.Lab.Tests.EdgeAgent.Instruments;

/// <summary>Every captured frame of the shared vectors through the decoder that its protocol names: validity, reason and every stated value.</summary>
public class VectorTests
{
    private const double Relative = 1e-6;

    // Remarks of whoever wrote the vectors down, not values of the frame.
    private static readonly string[] Remarks = ["note", "rule", "current_rule"];

    [Theory]
    [InlineData("ebc-a20", 14)]
    [InlineData("atorch-ff55", 9)]
    [InlineData("jbd-uart", 14)]
    [InlineData("daly-modbus", 4)]
    [InlineData("modbus-rtu-tc038d", 13)]
    [InlineData("velleman-k8090", 7)]
    [InlineData("binder-mk53", 5)]
    [InlineData("riden-rd60xx", 3)]
    [InlineData("scpi-kepco-bop", 6)]
    [InlineData("ascii-aimtti-ld400p", 5)]
    [InlineData("ascii-tdk-genesys", 4)]
    [InlineData("espec-ascii", 2)]
    [InlineData("methodscript", 5)]
    [InlineData("hcp-tc038-ascii", 6)]
    public void Every_captured_vector_decodes_as_stated(string protocol, int atLeast)
    {
        using var json = JsonDocument.Parse(File.ReadAllBytes(SharedFiles.Path("vectors", "vectors.json")));
        // The vectors of a protocol are one log: a reply is decoded in the light of the request before it.
        var decoder = InstrumentCatalogue.Decoders[protocol]();
        var seen = 0;
        foreach (var vector in json.RootElement.GetProperty("vectors").EnumerateArray().Where(v => v.GetProperty("protocol").GetString() == protocol))
        {
            Holds(vector, decoder);
            seen++;
        }
        Assert.True(seen >= atLeast, $"only {seen} vectors of {protocol} were found");
    }

    private static void Holds(JsonElement vector, ICaptureDecoder decoder)
    {
        var id = vector.GetProperty("id").GetString();
        var frames = Lines(vector).Select(decoder.Decode).Last(f => f.Count > 0);
        var decoded = vector.GetProperty("decoded");
        var isObject = decoded.ValueKind == JsonValueKind.Object;
        if (isObject && decoded.TryGetProperty("accept_prefix", out _))
        {
            Assert.True(frames[0].Valid, $"{id}: {frames[0].Why}");
            return;
        }
        var valid = !vector.TryGetProperty("checksum_valid", out var sum) || sum.GetBoolean();
        Assert.True(frames[0].Valid == valid, $"{id}: valid is {frames[0].Valid} {frames[0].Why}");
        Assert.True(valid || frames[0].Why.Length > 0, $"{id}: an invalid frame must say why");
        if (isObject && decoded.TryGetProperty("reject", out _))
            return;
        if (decoded.ValueKind == JsonValueKind.Array)
            Same(id!, decoded, frames[0].Fields["variables"]);
        else
            foreach (var field in decoded.EnumerateObject().Where(f => !Remarks.Contains(f.Name)))
            {
                Assert.True(frames[0].Fields.TryGetValue(field.Name, out var value), $"{id}: {field.Name} is missing of {string.Join(", ", frames[0].Fields.Keys)}");
                Same($"{id}.{field.Name}", field.Value, value);
            }
    }

    private static IEnumerable<string> Lines(JsonElement vector)
    {
        if (vector.TryGetProperty("hex", out var hex))
            yield return hex.GetString()!;
        if (vector.TryGetProperty("ascii", out var text))
            yield return text.GetString()!;
        if (vector.TryGetProperty("reply_ascii", out var reply))
            yield return reply.GetString()!;
        if (vector.TryGetProperty("registers", out var registers))
            yield return string.Join(' ', registers.EnumerateObject().Select(r => $"{r.Name}={r.Value.GetString()}"));
    }

    private static void Same(string what, JsonElement stated, object? found)
    {
        switch (stated.ValueKind)
        {
            case JsonValueKind.Number:
                var number = Convert.ToDouble(found, CultureInfo.InvariantCulture);
                Assert.True(Math.Abs(number - stated.GetDouble()) <= Relative * Math.Max(Math.Abs(stated.GetDouble()), 1e-12), $"{what}: {number}, stated {stated}");
                break;
            case JsonValueKind.Array:
                var items = Assert.IsAssignableFrom<IEnumerable>(found).Cast<object?>().ToList();
                Assert.True(items.Count == stated.GetArrayLength(), $"{what}: {items.Count} items");
                foreach (var (item, k) in stated.EnumerateArray().Select((e, k) => (e, k)))
                    Same($"{what}[{k}]", item, items[k]);
                break;
            case JsonValueKind.Object:
                var fields = Assert.IsAssignableFrom<IReadOnlyDictionary<string, object?>>(found);
                foreach (var field in stated.EnumerateObject())
                    Same($"{what}.{field.Name}", field.Value, fields[field.Name]);
                break;
            default:
                Assert.Equal($"{what}: {stated}", $"{what}: {found}");
                break;
        }
    }
}
