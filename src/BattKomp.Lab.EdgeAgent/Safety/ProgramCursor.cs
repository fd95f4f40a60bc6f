using BattKomp.Lab.EdgeAgent.Journal;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.EdgeAgent.Safety;

/// <summary>One execution of a step.</summary>
/// <param name="Step">The step.</param>
/// <param name="StepId">Its place in the program, 1-based.</param>
/// <param name="StepCount">Executions so far, this one included, 1-based.</param>
/// <param name="Cycle">1 plus the loops taken before it.</param>
public sealed record StepExecution(Step Step, int StepId, int StepCount, int Cycle);

/// <summary>Walks a program through its loops. Deterministic, so a position is one number: the count of executions begun.</summary>
public sealed class ProgramCursor(Program program)
{
    private readonly int[] _loopsLeft = [.. program.Steps.Select(s => s.Kind == Step.Types.Kind.Loop ? s.Repeat : 0)];
    private int _next;
    private int _count;
    private int _cycle = 1;

    /// <summary>The next execution, or null after the last.</summary>
    public StepExecution? Next()
    {
        while (_next < program.Steps.Count && program.Steps[_next].Kind == Step.Types.Kind.Loop)
            Loop(program.Steps[_next]);
        if (_next >= program.Steps.Count)
            return null;
        var step = program.Steps[_next++];
        return new StepExecution(step, _next, ++_count, _cycle);
    }

    /// <summary>Goes on with a later step (1-based) instead of the next one.</summary>
    public void JumpTo(int stepId) => _next = Math.Clamp(stepId - 1, _next, program.Steps.Count);

    /// <summary>The execution with a given count, skipping those before it with the jumps that they took; null when the program has fewer.</summary>
    public StepExecution? SkipTo(int stepCount, IReadOnlyList<StepJump>? jumps = null)
    {
        StepExecution? found = null;
        while (_count < stepCount && (found = Next()) is not null)
            if (_count < stepCount)
                TakeJump(jumps);
        return found;
    }

    /// <summary>Takes the jump that the current execution ended with, if it did.</summary>
    public void TakeJump(IReadOnlyList<StepJump>? jumps)
    {
        if (jumps?.FirstOrDefault(j => j.StepCount == _count) is { Goto: > 0 } jump)
            JumpTo(jump.Goto);
    }

    private void Loop(Step loop)
    {
        if (_loopsLeft[_next] <= 0)
        {
            // An outer loop runs this one afresh.
            _loopsLeft[_next] = loop.Repeat;
            _next++;
            return;
        }
        _loopsLeft[_next]--;
        _cycle++;
        _next = loop.GotoStep - 1;
    }
}
