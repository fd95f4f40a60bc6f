using System.Text.Json;
using Xunit;

namespace BattKomp.Lab.Tests.Cli;

public class InstrumentCommandTests
{
    [Fact]
    public async Task A_captured_log_becomes_one_json_object_a_frame()
    {
        var ran = await Battlab.PipeAsync("CURR 0.1\nMEAS:VOLT?\n8.0E-3\nMEAS:CURR?\nrubbish\nMEAS:CURR?\n4.99E-3\n", "instruments", "decode", "scpi-kepco-bop");
        Assert.Equal(0, ran.Exit);
        var frames = ran.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => JsonDocument.Parse(l).RootElement).ToList();
        Assert.Equal(7, frames.Count);
        Assert.Equal(0.008, frames[2].GetProperty("fields").GetProperty("voltage_v").GetDouble());
        Assert.False(frames[4].GetProperty("valid").GetBoolean());
        Assert.Contains("a number is needed", frames[4].GetProperty("why").GetString(), StringComparison.Ordinal);
        Assert.Equal(0.00499, frames[6].GetProperty("fields").GetProperty("current_a").GetDouble());
    }

    [Fact]
    public async Task A_value_that_is_not_a_number_is_null_and_lists_stay_lists()
    {
        var ran = await Battlab.PipeAsync("Pcc     nan;cd82DB1A8u,12,287\n", "instruments", "decode", "methodscript");
        var frame = JsonDocument.Parse(ran.Out).RootElement;
        var variables = frame.GetProperty("fields").GetProperty("variables");
        Assert.Equal(JsonValueKind.Null, variables[0].GetProperty("value").ValueKind);
        Assert.Equal("overload", variables[1].GetProperty("status_text").GetString());
        Assert.Equal("report", frame.GetProperty("kind").GetString());
    }

    [Fact]
    public async Task An_unknown_protocol_is_refused_with_the_known_ones()
    {
        var ran = await Battlab.PipeAsync("x\n", "instruments", "decode", "telepathy");
        Assert.Equal(1, ran.Exit);
        Assert.Contains("telepathy", ran.Text, StringComparison.Ordinal);
        Assert.Contains("methodscript", ran.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_list_tells_control_guard_and_time_to_safe()
    {
        var ran = await Battlab.RunAsync(null, "instruments", "list", "--json");
        var ebc = ran.Json.GetProperty("instruments").EnumerateArray().Single(i => i.GetProperty("protocol").GetString() == "ebc-a20");
        Assert.Equal("full", ebc.GetProperty("control").GetString());
        Assert.Equal(2, ebc.GetProperty("time_to_safe_s").GetDouble());
        Assert.Contains("cut-off", ebc.GetProperty("guard").GetString(), StringComparison.Ordinal);
        var text = await Battlab.RunAsync(null, "instruments", "list");
        Assert.Contains("guard in the device", text.Text, StringComparison.Ordinal);
    }
}
