namespace BattKomp.Lab.BatteryData.Importers.Rows;

/// <summary>Compares elapsed time with the wall clock once both have moved: a time in minutes read as seconds is 60 times too short.</summary>
internal sealed class TimeScaleCheck
{
    private const double ShortestWall = 60;
    private const double Tolerance = 0.05;
    private static readonly double[] Factors = [60, 3600, 1000, 1.0 / 60, 1.0 / 3600, 1.0 / 1000];
    private double _test = double.NaN;
    private double _wall;
    private bool _done;

    /// <summary>What is wrong with the unit, told once; null = nothing (yet).</summary>
    public string? Take(double test, double wall)
    {
        if (_done || double.IsNaN(test) || double.IsNaN(wall)) return null;
        if (double.IsNaN(_test)) (_test, _wall) = (test, wall);
        if (wall - _wall < ShortestWall) return null;
        _done = true;
        var ratio = (test - _test) / (wall - _wall);
        foreach (var factor in Factors)
            if (Math.Abs((ratio * factor) - 1) < Tolerance)
                return $"the test time advances {ratio:0.######} s for each second of its dates, so its unit is not what was read.";
        return null;
    }
}

/// <summary>Sums each step's signed current and compares its direction with the step's type when the step ends.</summary>
internal sealed class StepSignCheck
{
    private double _sum;
    private int _direction;
    private double _cycle = double.NaN;
    private double _step = double.NaN;
    private string _type = "";
    private long _line;

    /// <summary>Takes a row; returns the line and message of the step that ended with it, when its sign is wrong.</summary>
    public (long Line, string Message)? Take(double current, double cycle, double step, string type, int direction, long line)
    {
        (long, string)? found = null;
        if (type != _type || !cycle.Equals(_cycle) || !step.Equals(_step))
        {
            found = Close();
            (_cycle, _step, _type, _direction, _line) = (cycle, step, type, direction, line);
        }

        if (!double.IsNaN(current)) _sum += current;
        return found;
    }

    /// <summary>The step that is under way has ended.</summary>
    public (long Line, string Message)? Close()
    {
        var wrong = _direction != 0 && _sum != 0 && Math.Sign(_sum) != _direction;
        _sum = 0;
        return wrong ? (_line, $"the current of the step that begins here ({_type}) has the wrong sign for it.") : null;
    }
}
