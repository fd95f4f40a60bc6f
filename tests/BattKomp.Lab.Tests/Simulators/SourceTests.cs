using System.Text;
using BattKomp.Lab.Simulators.Cells;
using BattKomp.Lab.Simulators.Hosting;
using BattKomp.Lab.Simulators.Instruments.Mqtt;
using BattKomp.Lab.Tests.Support;
using Xunit;

namespace BattKomp.Lab.Tests.Simulators;

/// <summary>Where a cycler's rows come from: the program, the replayed file; and what a configuration may not say.</summary>
public sealed class SourceTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("battlab-src-").FullName;

    [Fact]
    public void A_program_gives_rising_times_four_steps_a_cycle_and_the_same_rows_again()
    {
        var source = new CyclerProgram(new CellParameters { VoltageNoiseVolt = 1e-4 }, new ProgramOptions { Cycles = 2 }, 5);
        var rows = source.Records().ToList();

        Assert.Equal(0, rows[0].TestSeconds);
        Assert.All(rows.Zip(rows.Skip(1)), p => Assert.True(p.Second.TestSeconds > p.First.TestSeconds));
        Assert.Equal(["CCCV_CHG", "REST", "CC_DCH", "REST", "CCCV_CHG", "REST", "CC_DCH", "REST"],
            rows.GroupBy(r => r.Step).Select(g => g.First().StepType));
        Assert.Equal([1, 2], rows.Select(r => r.Cycle).Distinct());
        Assert.Equal(rows, source.Records());
    }

    [Fact]
    public void A_programs_step_counters_agree_with_its_own_current_over_time()
    {
        var rows = new CyclerProgram(new CellParameters(), new ProgramOptions { Cycles = 1 }, 1).Records().ToList();
        var discharge = rows.Where(r => r.StepType == "CC_DCH").ToList();
        Assert.All(discharge, r => Assert.Equal(-1.25, r.Ampere));
        var hours = (discharge[^1].TestSeconds - discharge[0].TestSeconds) / 3600;
        Assert.Equal(1.25 * hours, discharge[^1].StepAh - discharge[0].StepAh, 1e-9);
        Assert.InRange(discharge[^1].StepAh, 2.3, 2.5);
        Assert.True(discharge[^1].Volt <= 3.0);
    }

    [Theory]
    [InlineData("Index,Time\n1,2\n", "line 1: column 1 is not 'Cycle Index'")]
    [InlineData("", "holds no records")]
    public void A_file_that_is_no_such_export_is_refused_with_the_remedy(string text, string expected)
    {
        var file = Path.Combine(_folder, "bad.csv");
        File.WriteAllText(file, text);
        Assert.Contains(expected, Assert.Throws<ReplayFileException>(() => NewareReplay.Load(file)).Message);
        Assert.Contains("cannot be read", Assert.Throws<ReplayFileException>(() => NewareReplay.Load(file + ".none")).Message);
    }

    [Fact]
    public void A_file_cut_off_in_a_record_is_refused_at_its_line()
    {
        var file = Path.Combine(_folder, "cut.csv");
        var whole = File.ReadAllBytes(SharedFiles.NewareExample);
        File.WriteAllBytes(file, whole[..100_010]);
        var error = Assert.Throws<ReplayFileException>(() => NewareReplay.Load(file));
        var lines = Encoding.Latin1.GetString(whole[..100_010]).Split('\n').Length;
        Assert.Contains($"line {lines}:", error.Message);
        Assert.Contains("cut off", error.Message);
    }

    [Theory]
    [InlineData("{}", "instruments: none given")]
    [InlineData("{", "Correct the field")]
    [InlineData("""{"speed":0.1,"instruments":[{"type":"ebc-a20","id":"SIM-1"}]}""", "speed")]
    [InlineData("""{"instruments":[{"type":"ebc-a20","id":"EBC-1"}]}""", "must begin with SIM")]
    [InlineData("""{"instruments":[{"type":"ebc","id":"SIM-1"}]}""", "type 'ebc' is unknown")]
    [InlineData("""{"instruments":[{"type":"ebc-a20","id":"SIM-1","colour":"red"}]}""", "colour")]
    [InlineData("""{"instruments":[{"type":"ebc-a20","id":"SIM-1"},{"type":"ebc-a20","id":"SIM-1"}]}""", "given twice")]
    [InlineData("""{"instruments":[{"type":"ebc-a20","id":"SIM-1","cell":{"capacity_ah":-1}}]}""", "cell.capacity_ah")]
    [InlineData("""{"instruments":[{"type":"ebc-a20","id":"SIM-1","faults":[{"kind":"hang_up"}]}]}""", "to_seconds")]
    [InlineData("""{"instruments":[{"type":"mqtt-cycler","id":"SIM-1","program":{"cycles":0}}]}""", "program.cycles")]
    [InlineData("""{"instruments":[{"type":"mqtt-cycler","id":"SIM-1","window":0}]}""", "window")]
    public void A_configuration_that_cannot_be_is_refused_by_field(string json, string expected) =>
        Assert.Contains(expected, Assert.Throws<ConfigException>(() => SimulatorConfig.Parse(json)).Message);

    [Theory]
    [InlineData("name what to run")]
    [InlineData("needs a value", "ebc-a20", "--link")]
    [InlineData("not an option here", "ebc-a20", "--replay", "x.csv")]
    [InlineData("not HOST:PORT", "mqtt-cycler", "--broker", "localhost")]
    [InlineData("is unknown", "toaster")]
    public void A_command_line_that_cannot_be_is_refused(string expected, params string[] args) =>
        Assert.Contains(expected, Assert.Throws<ConfigException>(() => CommandLine.Parse(args)).Message);

    [Fact]
    public void A_short_command_line_means_one_instrument()
    {
        var command = CommandLine.Parse(["mqtt-cycler", "--broker", "broker.lab:1884", "--speed", "10", "--start", "r1", "--stats", "s.json"]);
        var one = Assert.Single(command.Config.Instruments);
        Assert.Equal(("broker.lab", 1884, "r1", "SIM-CYC-1"), (one.Broker.Host, one.Broker.Port, one.Autostart, one.Id));
        Assert.Equal((10.0, "s.json"), (command.Config.Speed, command.StatsPath));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
