using System.Text;
using BattKomp.Lab.EdgeAgent.Instruments.MqttJson;
using CsCheck;
using Xunit;

namespace BattKomp.Lab.Tests.EdgeAgent.Instruments;

public class SenmlRecordReaderTests
{
    private static readonly JsonMapping Mapping = new()
    {
        Instrument = "SIM-1",
        RecordsTopic = "t",
        Format = MessageFormat.Senml,
        CounterPath = "urn:dev:sim1:n",
        Signals = [new("urn:dev:sim1:voltage", "voltage_volt", Unit: "V"), new("urn:dev:sim1:current", "current_ampere", 0.001, Unit: "mA")],
        Texts = [new("urn:dev:sim1:step", "step_type")],
    };

    [Fact]
    public void Base_name_time_and_unit_carry_over_and_each_time_is_a_record()
    {
        var rows = Read("""
            [{"bn":"urn:dev:sim1:","bt":1790000000.5,"bu":"V","bver":5,"n":"voltage","v":3.7},
             {"n":"current","u":"mA","v":-1500},{"n":"step","vs":"REST"},{"n":"n","v":7},
             {"n":"voltage","t":0.1,"v":3.71},{"n":"n","t":0.1,"v":8}]
            """, out var problem);
        Assert.Equal("", problem);
        Assert.Equal([1_790_000_000_500_000_000, 1_790_000_000_600_000_000], rows.Select(r => r.UtcNs!.Value));
        Assert.Equal([3.7, -1.5, 7], rows[0].Values);
        Assert.Equal([3.71, double.NaN, 8], rows[1].Values);
        Assert.Equal(["REST"], rows[0].Texts);
        Assert.Equal(8, rows[1].Counter);
    }

    [Fact]
    public void Without_a_time_the_agent_stamps_and_a_base_value_is_added() =>
        Assert.Equal((3.7, null as long?), Read("""[{"bn":"urn:dev:sim1:","bv":3,"n":"voltage","u":"V","v":0.7},{"n":"n","v":1}]""", out _).Select(r => (Math.Round(r.Values[0], 9), r.UtcNs)).Single());

    [Theory]
    [InlineData("""[{"n":"urn:dev:sim1:voltage","u":"mV","v":3700},{"n":"urn:dev:sim1:n","v":1}]""", "has the unit \"mV\", declared is \"V\"")]
    [InlineData("""[{"n":"urn:dev:sim1:voltage","v":3.7},{"n":"urn:dev:sim1:n","v":1}]""", "has the unit \"\"")]
    [InlineData("""[{"n":"urn:dev:sim1:voltage","u":"V","v":3.7}]""", "device counter")]
    [InlineData("""[{"n":"urn:dev:sim1:voltage","u":"V","vs":"3.7"}]""", "no number")]
    [InlineData("""[{"n":"other","v":1}]""", "no declared signal")]
    [InlineData("""[{"n":"urn:dev:sim1:voltage","u":"V","v":3.7,"must_":1}]""", "must_")]
    [InlineData("""[{"bver":11,"n":"urn:dev:sim1:voltage","u":"V","v":3.7}]""", "version 11")]
    [InlineData("""[{"n":"urn:dev:sim1:voltage","u":"V","v":3.7,"t":-5}]""", "time -5")]
    [InlineData("""[{"n":"urn:dev:sim1:voltage","u":"V","v":3.7,"t":1e300}]""", "field t")]
    [InlineData("""{"n":"urn:dev:sim1:voltage"}""", "array")]
    [InlineData("""[7]""", "no object")]
    [InlineData("nonsense", "not JSON")]
    public void What_cannot_be_understood_is_refused_with_its_reason(string pack, string reason)
    {
        Assert.Empty(Read(pack, out var problem));
        Assert.Contains(reason, problem);
    }

    [Fact]
    public void No_bytes_whatever_make_it_throw()
    {
        var sound = Encoding.UTF8.GetBytes("""[{"bn":"urn:dev:sim1:","bt":1790000000.5,"bu":"V","n":"voltage","v":3.7},{"n":"n","v":7}]""");
        Gen.Select(Gen.Int[0, sound.Length - 1], Gen.Byte).Array[1, 5].Sample(changes =>
        {
            var bytes = (byte[])sound.Clone();
            foreach (var (at, value) in changes)
                bytes[at] = value;
            _ = new SenmlRecordReader(Mapping).Read(bytes, out _);
        }, iter: 3000);
    }

    private static IReadOnlyList<JsonRow> Read(string pack, out string problem) => new SenmlRecordReader(Mapping).Read(Encoding.UTF8.GetBytes(pack), out problem);
}
