namespace BattKomp.Lab.Domain.Bookings.Classes;

/// <summary>
/// Who stands where: in each period every group moves on to the next bench. No two groups meet at a bench, and no group comes to a bench twice before it has been
/// at all of them.
/// </summary>
public static class Rotation
{
    /// <summary>The bench of a group in a period, all counted from 0.</summary>
    /// <param name="group">Below the number of benches.</param>
    /// <param name="period">0 or more.</param>
    /// <param name="benches">At least 1.</param>
    public static int BenchOf(int group, int period, int benches) => (group + period) % benches;

    /// <summary>Periods in a lesson of so many minutes; what is left over at the end belongs to the last.</summary>
    public static int Periods(int wallMinutes, int rotationMinutes) => rotationMinutes <= 0 ? 1 : Math.Max(1, wallMinutes / rotationMinutes);

    /// <summary>The group for the next who joins: the smallest, the first of several.</summary>
    public static int NextGroup(IReadOnlyList<int> sizes)
    {
        var best = 0;
        for (var group = 1; group < sizes.Count; group++)
            if (sizes[group] < sizes[best]) best = group;
        return best;
    }
}
