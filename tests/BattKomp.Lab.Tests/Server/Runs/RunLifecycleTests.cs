using BattKomp.Lab.Domain.Runs;
using Xunit;

namespace BattKomp.Lab.Tests.Server.Runs;

public sealed class RunLifecycleTests
{
    [Fact]
    public void Every_transition_is_allowed_or_refused_as_the_table_says()
    {
        var allowed = new Dictionary<(RunStage, RunEvent), RunStage>
        {
            [(RunStage.Ready, RunEvent.Started)] = RunStage.Running,
            [(RunStage.Missed, RunEvent.Started)] = RunStage.Running,
            [(RunStage.Ready, RunEvent.Ended)] = RunStage.Ended,
            [(RunStage.Running, RunEvent.Ended)] = RunStage.Ended,
            [(RunStage.Missed, RunEvent.Ended)] = RunStage.Ended,
            [(RunStage.Ended, RunEvent.Finalised)] = RunStage.Final,
            [(RunStage.Ready, RunEvent.LeaseOver)] = RunStage.Missed,
        };
        foreach (var stage in Enum.GetValues<RunStage>())
            foreach (var happened in Enum.GetValues<RunEvent>())
                Assert.Equal(allowed.TryGetValue((stage, happened), out var next) ? next : null, RunLifecycle.Next(stage, happened));
        Assert.Equal([RunStage.Ended], RunLifecycle.AllowedFrom(RunEvent.Finalised));
    }

    [Theory]
    [InlineData(5.0, 30.0, 5.0)]
    [InlineData(30.0, 5.0, 5.0)]
    [InlineData(0.0, 5.0, 5.0)]
    [InlineData(5.0, 0.0, 5.0)]
    [InlineData(0.0, 0.0, 0.0)]
    public void The_tighter_stated_limit_holds(double channel, double rig, double expected) => Assert.Equal(expected, LeaseContent.Tighter(channel, rig));
}
