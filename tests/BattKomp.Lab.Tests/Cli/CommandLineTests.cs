using BattKomp.Lab.Simulators.Hosting;
using BattKomp.Lab.Tests.Support;
using Xunit;

namespace BattKomp.Lab.Tests.Cli;

public sealed class CommandLineTests
{
    [Fact]
    public async Task The_program_says_all_that_is_missing_in_the_form_that_was_asked_for()
    {
        var ran = await Battlab.StartAsync("rigs", "list", "--json");

        Assert.Equal(1, ran.Exit);
        Assert.Equal("SETTINGS_MISSING", ran.Failure.GetProperty("reason").GetString());
        Assert.Contains("BATTLAB_SERVER", ran.Failure.GetProperty("message").GetString());
        Assert.Contains("BATTLAB_TOKEN", ran.Failure.GetProperty("message").GetString());
        Assert.Equal("", ran.Error);
    }

    [Fact]
    public async Task A_server_that_is_not_there_is_unreachable()
    {
        var ran = await Battlab.StartAsync("rigs", "list", "--server", $"http://127.0.0.1:{FreePort.Next()}", "--token", "x");

        Assert.Equal(2, ran.Exit);
        Assert.Equal("", ran.Out);
        Assert.Contains("The server cannot be reached.", ran.Text);
        Assert.DoesNotContain("   at ", ran.Error);
    }

    [Fact]
    public async Task The_port_of_the_page_is_not_the_port_of_grpc_and_the_answer_says_so()
    {
        await using var lab = await TestLab.StartAsync();

        var ran = await Battlab.AsAsync(lab.Http, TestSeed.Teacher, "rigs", "list", "--json");

        Assert.Equal(2, ran.Exit);
        Assert.Contains("gRPC", ran.Failure.GetProperty("remedy").GetString());
    }

    [Theory]
    [InlineData("book --channel c --start 2026-11-23T09:00 --for 2h", "does not say its offset")]
    [InlineData("book --channel c --start tomorrow --for 2h", "is not a time")]
    [InlineData("book --channel c --start 2026-02-30T09:00Z --for 2h", "is not a time")]
    [InlineData("book --channel c --start now --for 0h", "not a length of time above zero")]
    [InlineData("book --channel c --start now", "has no end")]
    [InlineData("book --channel c --start now --for 2h --end +3h", "Both --end and --for")]
    [InlineData("book --channel c --start now --for 2h --presence dreaming", "dreaming")]
    [InlineData("runs watch r --rate -1", "--rate")]
    [InlineData("rigs stop ebc-1", "--reason")]
    [InlineData("datasets pull x", "--out")]
    [InlineData("rigs lst", "lst")]
    [InlineData("--frobnicate", "--frobnicate")]
    public async Task A_command_line_that_cannot_be_meant_is_refused_with_a_remedy(string line, string says)
    {
        var args = line.Split(' ').ToList();
        if (args[0] == "book") args.AddRange(["--purpose", "teaching", "--activity", "education", "--level", "vg2", "--headcount", "12"]);

        var ran = await Battlab.AsAsync("http://127.0.0.1:9", "token", [.. args]);

        Assert.Equal(1, ran.Exit);
        Assert.Equal("", ran.Out);
        Assert.Contains(says, ran.Text);
        Assert.Contains("What would fix it:", ran.Text);
    }

    [Fact]
    public async Task Every_command_has_help_and_the_json_option()
    {
        string[] commands =
        [
            "rigs list", "rigs stop", "rigs release", "book", "bookings list", "bookings cancel", "runs list", "runs watch", "runs stop",
            "datasets list", "datasets create", "datasets pull", "data cycles", "data convert",
        ];
        foreach (var command in commands)
        {
            var ran = await Battlab.RunAsync(null, [.. command.Split(' '), "--help"]);

            Assert.Equal(0, ran.Exit);
            Assert.Contains("--json", ran.Out);
        }
    }
}
