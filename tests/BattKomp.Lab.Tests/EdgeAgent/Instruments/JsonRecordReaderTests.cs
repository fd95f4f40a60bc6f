using System.Text;
using System.Text.Json;
using BattKomp.Lab.EdgeAgent.Instruments.MqttJson;
using CsCheck;
using Xunit;

namespace BattKomp.Lab.Tests.EdgeAgent.Instruments;

public class JsonRecordReaderTests
{
    private const string Good = """{"id":"SIM-CYC-1","n":7,"utc":"2026-11-23T18:00:00.1234567Z","t":1.5,"v":3.7000000000000001,"i":-0.1,"step_type":"REST"}""";
    private static readonly JsonRecordReader Reader = new(JsonMapping.Default("SIM-CYC-1"));

    [Fact]
    public void A_message_becomes_a_row_with_its_counter_and_utc()
    {
        var row = Read(Good, out _);
        Assert.NotNull(row);
        Assert.Equal((7L, 1795456800_123456700L), (row.Counter, row.UtcNs));
        Assert.Equal([1.5, 3.7, -0.1], row.Values[..3]);
        Assert.Equal(7, row.Values[^1]);
        Assert.True(double.IsNaN(row.Values[3]));
        Assert.Equal(["REST"], row.Texts);
    }

    [Fact]
    public void Every_double_survives_to_the_last_bit() =>
        Gen.Double.Where(double.IsFinite).Sample(v =>
        {
            var row = Read($$"""{"id":"SIM-CYC-1","n":1,"utc":"2026-11-23T18:00:00Z","v":{{JsonSerializer.Serialize(v)}}}""", out var problem);
            Assert.True(row is not null, problem);
            return BitConverter.DoubleToInt64Bits(row.Values[1]) == BitConverter.DoubleToInt64Bits(v);
        });

    [Theory]
    [InlineData("""{"id":"OTHER","n":1,"utc":"2026-11-23T18:00:00Z","v":1}""", "another instrument publishes")]
    [InlineData("""{"id":"SIM-CYC-1","n":1,"utc":"2026-11-23T18:00:00Z","v":"NaN"}""", "a JSON number is needed")]
    [InlineData("""{"id":"SIM-CYC-1","n":1,"utc":"2026-11-23T18:00:00Z","v":1e999}""", "infinite")]
    [InlineData("""{"id":"SIM-CYC-1","n":1,"utc":"2026-11-23T18:00:00Z","v":Infinity}""", "not JSON")]
    [InlineData("""{"id":"SIM-CYC-1","utc":"2026-11-23T18:00:00Z","v":1}""", "field n (the device counter) is missing")]
    [InlineData("""{"id":"SIM-CYC-1","n":1.5,"utc":"2026-11-23T18:00:00Z","v":1}""", "whole number")]
    [InlineData("""{"id":"SIM-CYC-1","n":1,"v":1}""", "field utc")]
    [InlineData("""{"id":"SIM-CYC-1","n":1,"utc":"yesterday","v":1}""", "ISO 8601")]
    [InlineData("""{"id":"SIM-CYC-1","n":1,"utc":"9026-11-23T18:00:00Z","v":1}""", "from 1970 to 2200")]
    [InlineData("""{"id":"SIM-CYC-1","n":1,"utc":"2026-11-23T18:00:00Z"}""", "no declared signal")]
    [InlineData("[1,2]", "not a JSON object")]
    [InlineData("", "not JSON")]
    public void What_cannot_be_a_record_is_refused_with_its_reason(string message, string reason)
    {
        Assert.Null(Read(message, out var problem));
        Assert.Contains(reason, problem);
    }

    [Fact]
    public void A_unit_that_is_not_the_declared_one_is_refused_and_a_factor_is_applied()
    {
        var mapping = JsonMapping.Default("X") with { IdPath = "", CounterPath = "", UtcPath = "", Signals = [new("volt.value", "voltage_volt", 0.001, "volt.unit", "mV")] };
        var reader = new JsonRecordReader(mapping);
        Assert.Equal(3.7, reader.Read("""{"volt":{"value":3700,"unit":"mV"}}"""u8, out _)!.Values[0], 12);
        Assert.Null(reader.Read("""{"volt":{"value":3.7,"unit":"V"}}"""u8, out var problem));
        Assert.Contains("declared is \"mV\"", problem);
    }

    [Fact]
    public void Any_bytes_and_any_damage_to_a_message_never_throw() =>
        Gen.Select(Gen.Byte.Array[0, 400], Gen.Int[0, 120], Gen.Byte).Sample((noise, at, with) =>
        {
            _ = Reader.Read(noise, out _);
            var damaged = Encoding.UTF8.GetBytes(Good);
            damaged[at % damaged.Length] = with;
            _ = Reader.Read(damaged, out _);
        });

    private static JsonRow? Read(string message, out string problem) => Reader.Read(Encoding.UTF8.GetBytes(message), out problem);
}
